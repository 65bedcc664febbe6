from datetime import timedelta

import pytest

from iss_agents.announcers.decision import Decision, Outcome
from iss_agents.detection.events import UnobservedRise
from iss_agents.records import encode
from tests.announcers.factory import NOON, urination
from web import uses
from web.uses import UsesLog


def decision(event_id: str, outcome: Outcome = "posted") -> bytes:
    return encode(
        Decision(
            schema_version=1,
            event_id=event_id,
            decision=outcome,
            decided_at=NOON,
            detected_at=NOON,
            text=f"A use, {outcome}.",
            source="isslive",
        )
    )


def log_of(*event_ids: str) -> UsesLog:
    """Return a log of uses, each an hour after the one before."""
    log = UsesLog()
    for hours, event_id in enumerate(event_ids):
        log.take_event(encode(urination(event_id, detected_at=NOON + timedelta(hours=hours))), 0)
    return log


def ids(log: UsesLog) -> list[str]:
    return [use["event_id"] for use in log.newest("isslive")]


def test_a_use_is_shown_with_its_decision() -> None:
    log = log_of("a")
    log.take_decision(decision("a"), 0)

    assert log.newest("isslive") == [
        {
            "event_id": "a",
            "start": "2026-08-11T11:59:00.000Z",
            "end": "2026-08-11T11:59:20.000Z",
            "detected_at": "2026-08-11T12:00:00.000Z",
            "level_before": 42.0,
            "level_after": 45.0,
            "delta_percent": 3.0,
            "confidence": 0.9,
            "source": "isslive",
            "text": "A use, posted.",
            "decision": "posted",
        }
    ]


def test_without_a_decision_there_is_no_text() -> None:
    (use,) = log_of("a").newest("isslive")

    assert (use["text"], use["decision"]) == (None, None)


def test_a_decision_may_come_before_its_use() -> None:
    log = UsesLog()
    log.take_decision(decision("a"), 0)
    log.take_event(encode(urination("a")), 0)

    assert [use["decision"] for use in log.newest("isslive")] == ["posted"]


def test_the_newest_comes_first_and_a_replay_changes_nothing() -> None:
    log = log_of("a", "b", "c")
    log.take_decision(decision("b"), 0)
    log.take_event(encode(urination("a")), 0)
    log.take_decision(decision("b", "dry_run"), 0)

    assert ids(log) == ["c", "b", "a"]
    assert log.newest("isslive")[1]["decision"] == "posted"


def test_uses_are_those_of_a_source() -> None:
    log = log_of("a")
    log.take_event(encode(urination("b", source="test", detected_at=NOON + timedelta(hours=1))), 0)

    assert [use["event_id"] for use in log.newest("test")] == ["b"]
    assert ids(log) == ["a"]
    assert [use["event_id"] for use in log.newest(None)] == ["b", "a"]
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

    assert [(use["event_id"], use["decision"]) for use in log.newest("isslive")] == [
        ("c", None),
        ("b", "posted"),
    ]


def test_at_most_twenty_are_shown() -> None:
    assert len(ids(log_of(*map(str, range(25))))) == 20
