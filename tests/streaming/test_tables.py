"""What a Table restores from its changelog."""

from typing import Any

import faust
import pytest
from aiokafka import ConsumerRecord

from iss_agents.streaming.tables import NewestTable
from iss_agents.telemetry.records import encode

Change = tuple[str, dict[str, Any] | None]


def changelog(*records: Change) -> list[ConsumerRecord]:
    return [
        ConsumerRecord(
            "newest-changelog",
            0,
            offset,
            0,
            0,
            encode(key),
            None if value is None else encode(value),
            None,
            0,
            0,
            (),
        )
        for offset, (key, value) in enumerate(records)
    ]


def new_table() -> NewestTable:
    app = faust.App("newest-test", store="memory://", Table=NewestTable)
    table = app.Table("newest", partitions=1)
    assert isinstance(table, NewestTable)
    return table


def restored(*records: Change) -> dict[str, Any]:
    table, together = new_table(), new_table()
    for record in changelog(*records):
        table.restore([record])
    together.restore(changelog(*records))
    assert dict(together.data) == dict(table.data)
    return dict(table.data)


def test_the_later_value_stays() -> None:
    assert restored(("a", {"sequence": 1}), ("a", {"sequence": 2})) == {"a": {"sequence": 2}}


def test_an_older_value_that_was_written_later_does_not_come_back() -> None:
    assert restored(("a", {"sequence": 2}), ("a", {"sequence": 1})) == {"a": {"sequence": 2}}


def test_a_value_of_a_clock_that_was_ahead_is_overtaken_by_a_right_one_and_never_comes_back() -> None:
    ahead, right = {"sequence": 9, "offset": 1}, {"sequence": 5, "offset": 2}

    assert restored(("a", ahead), ("a", right)) == {"a": right}
    assert restored(("a", right), ("a", ahead)) == {"a": right}


def test_after_the_source_topic_was_made_anew_its_first_values_are_newer() -> None:
    before, anew = {"sequence": 5, "offset": 900}, {"sequence": 5, "offset": 0, "generation": 1}

    assert restored(("a", before), ("a", anew), ("a", before)) == {"a": anew}


def test_what_is_no_value_of_a_table_is_left_out() -> None:
    value, other = {"sequence": 5}, {"sequences": 6}

    assert restored(("a", value), ("a", other), ("b", other)) == {"a": value}


def test_of_two_values_of_one_instant_the_one_that_includes_more_stays() -> None:
    both, first = ({"sequence": 2, "offset": offset} for offset in (8, 7))

    assert restored(("a", first), ("a", both), ("a", first)) == {"a": both}


def test_a_second_value_of_the_same_version_stays() -> None:
    first, second = {"sequence": 2, "event_ids": ["x"]}, {"sequence": 2, "event_ids": ["x", "y"]}

    assert restored(("a", first), ("a", second)) == {"a": second}


def test_a_deleted_key_may_begin_again() -> None:
    assert restored(("a", {"sequence": 5}), ("a", None), ("a", {"sequence": 1})) == {"a": {"sequence": 1}}


@pytest.mark.parametrize(
    ("records", "behind"),
    [
        ([("a", {"sequence": 2}), ("b", {"sequence": 1})], False),
        ([("a", {"sequence": 2}), ("a", {"sequence": 1})], True),
        ([("a", {"sequence": 2}), ("a", {"sequence": 1}), ("a", {"sequence": 2})], False),
    ],
)
def test_a_changelog_whose_last_value_is_not_the_newest_is_behind(records: list[Change], behind: bool) -> None:  # noqa: FBT001
    table = new_table()
    table.restore(changelog(*records))

    assert table.is_behind(0, len(records)) == behind


def test_no_value_is_set_without_waiting_for_kafka() -> None:
    with pytest.raises(TypeError, match=r"newest\['a'\] cannot be set without waiting for Kafka: use `write`"):
        new_table()["a"] = {"sequence": 1}
