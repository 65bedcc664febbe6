from datetime import timedelta

import pytest

from iss_agents.announcers.decision import Outcome
from iss_agents.detection.events import UnobservedRise
from iss_agents.state_view import uses
from iss_agents.state_view.uses import UsesLog
from iss_agents.telemetry.records import Source, encode
from tests.factories import NOON, decision_on, urination


def decision(event_id: str, outcome: Outcome = "posted") -> bytes:
    return encode(decision_on(event_id, outcome, text=f"A use, {outcome}."))


def log_of(*event_ids: str) -> UsesLog:
    """Return a log of uses, each an hour after the one before."""
    log = UsesLog()
    for hours, event_id in enumerate(event_ids):
        log.take_event(encode(urination(event_id, detected_at=NOON + timedelta(hours=hours))), 0)
    return log


def ids(log: UsesLog, source: Source | None = "isslive") -> list[str]:
    return [event_id for event_id, _ in outcomes(log, source)]


def outcomes(log: UsesLog, source: Source | None = "isslive") -> list[tuple[str, Outcome | None]]:
    return [(use.event_id, said.decision if said else None) for use, said in log.newest(source)]


def test_a_decision_may_come_before_its_use() -> None:
    log = UsesLog()
    log.take_decision(decision("a"), 0)
    log.take_event(encode(urination("a")), 0)

    assert outcomes(log) == [("a", "posted")]


def test_the_newest_comes_first_and_a_replay_changes_nothing() -> None:
    log = log_of("a", "b", "c")
    log.take_decision(decision("b"), 0)
    log.take_event(encode(urination("a")), 0)
    log.take_decision(decision("b", "dry_run"), 0)

    assert ids(log) == ["c", "b", "a"]
    assert outcomes(log)[1] == ("b", "posted")


def test_uses_are_those_of_a_source() -> None:
    log = log_of("a")
    log.take_event(encode(urination("b", source="test", detected_at=NOON + timedelta(hours=1))), 0)

    assert ids(log, "test") == ["b"]
    assert ids(log) == ["a"]
    assert ids(log, None) == ["b", "a"]
    assert log.newest("simulated") == []


def test_rises_that_nobody_saw_are_no_uses() -> None:
    log, use = UsesLog(), urination("a")
    names = [name for name in UnobservedRise.__struct_fields__ if name != "event_id"]
    rise = UnobservedRise(event_id="b", **{name: getattr(use, name) for name in names})
    log.take_event(encode(rise), 0)

    assert log.newest(None) == []


def test_only_the_newest_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uses, "MOST_USES", 2)
    monkeypatch.setattr(uses, "MOST_DECISIONS", 1)
    log = log_of("a", "b", "c")
    for event_id in "cb":
        log.take_decision(decision(event_id), 0)

    assert outcomes(log) == [("c", None), ("b", "posted")]


def test_at_most_twenty_are_shown() -> None:
    assert len(ids(log_of(*map(str, range(25))))) == 20
