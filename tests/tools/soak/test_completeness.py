"""What excuses a number that is missing, and what does not."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from iss_agents.telemetry.shards import Shard
from iss_agents.tools.soak.completeness import Complete, Completeness, Gappy, Recorded, Source
from iss_agents.tools.testbed.sequence import NUMBERED_ITEMS, Numbers

ITEM = NUMBERED_ITEMS[0]
START = datetime(2026, 11, 24, tzinfo=UTC)
NUMBERS = Numbers(START, rate=1 / 60, item_ids=[ITEM])
NUMBERS.due(START + timedelta(minutes=10))
MISSING = 5
"""The number that is lacking of ten, one a minute."""

LOST = NUMBERS.time_of(ITEM, MISSING)
SHARD = next(shard for shard in Shard(1, 2).siblings if shard.holds(ITEM))
OTHER_SHARD = next(shard for shard in Shard(1, 2).siblings if not shard.holds(ITEM))


@pytest.mark.parametrize("source", [Complete(NUMBERS), Gappy(NUMBERS)])
def test_a_missing_number_is_a_difference(source: Source) -> None:
    assert _stored(source).differences(Recorded()) == [
        f"readings: 1 are missing without an excuse, {ITEM} {MISSING}"
    ]


@pytest.mark.parametrize(
    ("seconds", "shard", "is_excused"),
    [
        (0, SHARD, True),
        (0, Shard(), True),
        (0, OTHER_SHARD, False),
        (-30, SHARD, False),
        (30, SHARD, False),
    ],
    ids=["its shard's", "the whole feed's", "another shard's", "before it", "after it"],
)
def test_only_a_gap_of_its_items_and_its_time_excuses_a_number(
    seconds: float, shard: Shard, *, is_excused: bool
) -> None:
    time = LOST + timedelta(seconds=seconds)
    gap = {"start": time, "end": time, "shard": None if shard.is_whole else str(shard)}
    recorded = Recorded.of([gap], [])

    assert (_stored(Gappy(NUMBERS)).differences(recorded) == []) is is_excused
    assert _stored(Complete(NUMBERS)).differences(recorded) != []


@pytest.mark.parametrize(
    "payload",
    [
        {"item_id": ITEM, "fields": {"Value": str(MISSING)}},
        {"item_id": ITEM, "value": str(MISSING)},
        {"item_id": "NODE3000005", "fields": {"Value": "37.5"}},
    ],
    ids=["by the feed", "by Kafka", "not numbered"],
)
@pytest.mark.parametrize("source", [Complete(NUMBERS), Gappy(NUMBERS)])
def test_a_good_reading_that_was_refused_is_a_difference(source: Source, payload: dict[str, Any]) -> None:
    recorded = Recorded.of([], [{"payload": msgspec.json.encode(payload)}])
    found = _stored(source).differences(recorded)

    assert [sentence for sentence in found if sentence.startswith("invalid: 1 good readings were refused")]


def test_a_number_twice_or_at_another_time_or_beyond_the_last_should_not_be_there() -> None:
    completeness = _stored(Complete(NUMBERS))
    later = LOST + timedelta(milliseconds=1)
    for number, time in ((MISSING, later), (MISSING, LOST), (MISSING, LOST), (11, LOST), (0, LOST)):
        completeness.note({"item_id": ITEM, "value": str(number), "source_ts": time})

    assert completeness.differences(Recorded()) == [
        f"{ITEM}: {MISSING} of {later} should not be there",
        f"{ITEM}: {MISSING} of {LOST} should not be there",
        f"{ITEM}: 11 of {LOST} should not be there",
    ]


def _stored(source: Source) -> Completeness:
    completeness = Completeness([source])
    for number in range(1, 11):
        if number != MISSING:
            time = NUMBERS.time_of(ITEM, number)
            completeness.note({"item_id": ITEM, "value": str(number), "source_ts": time})
    return completeness
