"""An item is stale by its own measure, and only while that can be known."""

from datetime import UTC, datetime, timedelta

import pytest

from iss_agents.telemetry.catalog import items
from tests.factories import reading_of
from web.current.freshness import Flow, Freshness

NOW = datetime(2026, 8, 11, 12, tzinfo=UTC)
VECTOR, JOINT, MODE, ARM, TANK = "USLAB000033", "S0000003", "USLAB000086", "CSASSRMS001", "NODE3000005"
SECOND, MINUTE, HOUR, DAY = (timedelta(**{unit: 1}) for unit in ("seconds", "minutes", "hours", "days"))


def freshness(
    item_id: str,
    age: timedelta | None,
    *,
    alive: bool = True,
    gap_ended: timedelta | None = None,
    missing: str = "",
) -> Freshness:
    """Return what a reading of that age is worth, with a gap that ended so long ago."""
    gap_end = None if gap_ended is None else NOW - gap_ended
    reading = None if age is None else reading_of(item_id, "1", NOW - age, ingest_ts=NOW - age)
    return Flow(NOW, alive, gap_end, {missing}).freshness(items()[item_id], reading)


@pytest.mark.parametrize(
    ("item_id", "age", "expected"),
    [
        (VECTOR, 5 * SECOND, "current"),
        (VECTOR, 10 * MINUTE, "unchanged"),
        (VECTOR, 20 * HOUR, "stuck"),
        ("TIME_000001", 21 * MINUTE, "stuck"),
        # It stands for 49 minutes in a recording.
        (JOINT, HOUR, "unchanged"),
        (JOINT, 3 * HOUR, "stuck"),
        (TANK, 23 * HOUR, "unchanged"),
        (TANK, 25 * HOUR, "stuck"),
        (MODE, 25 * HOUR, "unchanged"),
        (ARM, 28 * DAY, "unchanged"),
        (ARM, None, "never"),
    ],
)
def test_an_item_is_judged_by_its_own_measure(item_id: str, age: timedelta | None, expected: Freshness) -> None:
    assert freshness(item_id, age) == expected


def test_nobody_knows_what_changes_while_readings_do_not_flow() -> None:
    assert freshness(MODE, 25 * HOUR, alive=False) == "not_seen"
    assert freshness(VECTOR, 20 * HOUR, alive=False) == "not_seen"
    assert freshness(MODE, 25 * HOUR, missing=MODE) == "not_seen"
    assert freshness(MODE, 25 * HOUR, missing=ARM) == "unchanged"


@pytest.mark.parametrize(
    ("item_id", "age", "gap_ended", "expected"),
    [
        (MODE, 25 * HOUR, 10 * SECOND, "not_seen"),
        (MODE, 25 * HOUR, 2 * MINUTE, "unchanged"),
        (MODE, 2 * MINUTE, 5 * MINUTE, "unchanged"),
        (VECTOR, HOUR, 10 * SECOND, "not_seen"),
        # It was not watched while the gap lasted.
        (VECTOR, HOUR, 2 * MINUTE, "unchanged"),
        (VECTOR, HOUR, 21 * MINUTE, "stuck"),
        # The end of a gap that a clock ahead has recorded.
        (MODE, 25 * HOUR, -HOUR, "unchanged"),
    ],
)
def test_after_a_gap_an_item_is_watched_from_its_end(
    item_id: str, age: timedelta, gap_ended: timedelta, expected: Freshness
) -> None:
    assert freshness(item_id, age, gap_ended=gap_ended) == expected


def test_what_may_rest_for_ever_is_never_stuck() -> None:
    named = [item for item in items().values() if item.states]

    assert named
    assert all(item.stuck_after is None for item in named)
    assert all(item.stuck_after is None or 1200 <= item.stuck_after <= 86_400 for item in items().values())
