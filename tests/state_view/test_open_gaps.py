from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from iss_agents.state_view import open_gaps
from iss_agents.state_view.open_gaps import OpenGaps
from iss_agents.telemetry.records import Gap, GapCause, encode
from iss_agents.telemetry.station_clock import milliseconds

START = datetime(2026, 8, 11, 14, 0, tzinfo=UTC)


def gap(name: str, cause: GapCause = "los", **fields: Any) -> Gap:
    known = {"start": START, "source": "isslive", **fields}
    return Gap(schema_version=1, gap_id=name, cause=cause, **known)


def taken(*records: tuple[Gap, datetime]) -> OpenGaps:
    """Return what is open after records, each with the time at which it was recorded."""
    gaps = OpenGaps()
    for record, at in records:
        gaps.apply(encode(record), milliseconds(at))
    return gaps


def after(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def test_a_gap_is_open_until_it_ends() -> None:
    lasting = gap("a")

    assert taken((lasting, START)).of("isslive") == [lasting]
    assert taken((lasting, START), (replace(lasting, end=after(5)), after(5))).of("isslive") == []


def test_a_topic_that_is_read_again_opens_nothing_again() -> None:
    lasting = gap("a")
    gaps = taken((lasting, START), (replace(lasting, end=after(5)), after(5)))
    gaps.apply(encode(lasting), milliseconds(START))

    assert gaps.of("isslive") == []


def test_gaps_are_those_of_a_source() -> None:
    live, modelled = gap("a"), gap("b", source="simulated")
    gaps = taken((live, START), (modelled, START))

    assert gaps.of("isslive") == [live]
    assert gaps.of("simulated") == [modelled]
    assert gaps.of(None) == [live, modelled]


def test_the_last_end_is_that_of_a_source_and_of_no_single_item() -> None:
    first, last = gap("a", end=after(9)), gap("b", "outage", end=after(5))
    others = (
        gap("c", source="simulated", end=after(20)),
        gap("d", "outage", item_id="USLAB000086", end=after(30)),
    )
    gaps = taken(*((ended, after(40)) for ended in (first, last, *others)))

    assert gaps.last_end("isslive") == after(9)
    assert gaps.last_end("test") is None


def test_a_shard_that_runs_again_says_nothing_of_the_others() -> None:
    mine, of_another = gap("a", "outage", shard="1/2"), gap("b", "outage", shard="2/2")
    restart = gap("restart", "restart", start=after(2), end=after(9), shard="1/2")

    assert taken((mine, START), (of_another, START), (restart, after(9))).of("isslive") == [of_another]


@pytest.mark.parametrize(("left", "restarted"), [("2/3", None), (None, "1/2"), ("2/2", "1/3")])
def test_another_number_of_shards_takes_up_everything(left: str | None, restarted: str | None) -> None:
    restart = gap("restart", "restart", start=after(2), end=after(9), shard=restarted)

    assert taken((gap("a", "outage", shard=left), START), (restart, after(9))).of("isslive") == []


def test_a_gap_of_no_shard_is_no_gap() -> None:
    with pytest.raises(msgspec.DecodeError, match="expected a shard"):
        taken((gap("a"), START)).apply(encode(gap("b")).replace(b'"b"', b'"b","shard":"3/2"'), 0)


def test_what_a_killed_worker_left_open_is_over_when_the_feed_runs_again() -> None:
    left = gap("left")
    # The new feed sees the same loss, whose beginning is still before its own.
    noted = gap("noted", start=after(1))
    restart = gap("restart", "restart", start=after(2), end=after(9))
    other = gap("other", source="simulated")

    gaps = taken((left, START), (other, START), (noted, after(9.01)), (restart, after(9.02)))
    assert gaps.of("isslive") == [noted]
    assert gaps.of("simulated") == [other]


def test_what_comes_late_from_before_a_restart_is_over_too() -> None:
    restart = gap("restart", "restart", end=after(9))

    assert taken((restart, after(10)), (gap("left"), after(8))).of("isslive") == []
    assert taken((restart, after(10)), (gap("new"), after(11))).of("isslive") == [gap("new")]


def test_ids_of_ended_gaps_do_not_grow_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_gaps, "MOST_ENDED", 2)
    gaps = taken(*((gap(name, end=after(1)), START) for name in "abc"))
    for name in "abc":
        gaps.apply(encode(gap(name)), milliseconds(START))

    assert gaps.of("isslive") == [gap("a")]


def test_a_restart_that_a_clock_noted_that_was_ahead_hides_no_gap() -> None:
    now = datetime.now(UTC)
    ahead = now + timedelta(days=365)
    wrong = gap("restart", "restart", start=ahead, end=ahead)
    lasting = gap("a", "outage", start=now)
    gaps = taken((wrong, ahead), (lasting, now))
    assert gaps.of("isslive") == [lasting]

    later = now + timedelta(seconds=9)
    gaps.apply(encode(gap("b", "restart", start=now, end=later)), milliseconds(later))
    assert gaps.of("isslive") == []
