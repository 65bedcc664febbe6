from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import to_builtins

from iss_agents.agents.newer import Seen, fold
from iss_agents.records import Reading, Suspect, new_reading

START = datetime(2026, 11, 23, 12, tzinfo=UTC)


def reading(second: int, value: str, item: str = "NODE3000005", suspect: Suspect | None = None) -> Reading:
    at = START + timedelta(seconds=second)
    return new_reading(item, at, value, ingest_ts=at, source="test", suspect=suspect)


def seen(newest: Reading, *others: Reading) -> Seen:
    ids = [other.event_id for other in others] + [newest.event_id]
    return {"sequence": newest.sequence, "event_ids": ids, "reading": to_builtins(newest)}


def outcomes(**counts: int) -> dict[str, Any]:
    return {"applied": 0, "duplicate": 0, "older": 0, "suspect": 0, **counts}


def test_keeps_the_newest_of_each_item() -> None:
    first, second, other = reading(1, "36"), reading(2, "37"), reading(1, "16", "NODE3000004")

    news = fold([first, other, second], {})

    assert news.changed == {"NODE3000005": seen(second), "NODE3000004": seen(other)}
    assert news.outcomes == outcomes(applied=3)


def test_a_duplicate_changes_nothing() -> None:
    known = reading(1, "36")

    news = fold([known], {"NODE3000005": seen(known)})

    assert (news.changed, news.outcomes) == ({}, outcomes(duplicate=1))


def test_an_older_reading_changes_nothing() -> None:
    news = fold([reading(1, "36")], {"NODE3000005": seen(reading(2, "37"))})

    assert (news.changed, news.outcomes) == ({}, outcomes(older=1))


def test_another_value_with_the_same_time_stamp_is_news_and_both_are_remembered() -> None:
    first, second = reading(1, "36"), reading(1, "37")

    news = fold([second, first, second], {"NODE3000005": seen(first)})

    assert news.changed == {"NODE3000005": seen(second, first)}
    assert news.outcomes == outcomes(applied=1, duplicate=2)


def test_a_suspect_reading_is_not_believed() -> None:
    news = fold([reading(3, "0", suspect="zero_burst")], {"NODE3000005": seen(reading(2, "37"))})

    assert (news.changed, news.outcomes) == ({}, outcomes(suspect=1))


def test_what_is_held_is_left_as_it_is() -> None:
    held = {"NODE3000005": seen(reading(1, "36"))}

    fold([reading(2, "37")], held)

    assert held == {"NODE3000005": seen(reading(1, "36"))}
