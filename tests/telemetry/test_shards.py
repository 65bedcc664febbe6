"""Several feeds share the items: each item is published by one of them, the tank's by the same."""

import pytest

from iss_agents.telemetry.catalog import CLOCK_ITEMS, TANK_ITEMS, items
from iss_agents.telemetry.shards import WHOLE, Shard, shards_with
from iss_agents.telemetry.topics import RAW, partition_for


@pytest.mark.parametrize("count", range(1, RAW.partitions + 1))
def test_each_item_and_each_partition_belongs_to_one_shard(count: int) -> None:
    shards = Shard(1, count).siblings

    assert {item: sum(shard.holds(item) for shard in shards) for item in items()} == dict.fromkeys(items(), 1)
    assert sorted(number for shard in shards for number in shard.partitions) == list(range(RAW.partitions))


def test_what_a_shard_holds_is_in_its_partitions() -> None:
    shard = Shard(2, 5)

    assert list(shard.partitions) == [1, 6, 11]
    assert {partition_for(item) for item in items() if shard.holds(item)} == {1, 6, 11}


def test_one_shard_has_the_tank_and_every_shard_watches_the_clock_first() -> None:
    shards = Shard(1, 3).siblings

    assert [set(shard.watched) >= TANK_ITEMS for shard in shards].count(True) == 1
    assert {tuple(shard.watched[:2]) for shard in shards} == {CLOCK_ITEMS}
    assert sum(len(shard.watched) for shard in shards) == len(items()) + 4
    assert WHOLE.watched == list(items())


def test_an_item_is_in_one_shard_of_each_number() -> None:
    shards = shards_with("S0000004")

    assert [shard.count for shard in shards] == list(range(2, RAW.partitions + 1))
    assert all(shard.holds("S0000004") for shard in shards)


@pytest.mark.parametrize(
    ("shard", "other", "expected"),
    [("1/2", "1/2", True), ("1/2", "2/2", False), ("1/1", "2/2", True), ("2/3", "2/2", True)],
)
def test_a_shard_takes_up_what_it_left_or_what_another_number_did(
    shard: str, other: str, *, expected: bool
) -> None:
    assert Shard.parse(shard).replaces(Shard.parse(other)) is expected


def test_a_shard_is_written_as_which_of_how_many() -> None:
    assert Shard.parse("2/3") == Shard(2, 3)
    assert [str(shard) for shard in Shard(1, 3).siblings] == ["1/3", "2/3", "3/3"]


@pytest.mark.parametrize("text", ["", "0/3", "4/3", "1/13", "2", "2/3/4", "-1/2", "1 / 2", "01/2", "1/٢"])
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^expected a shard, from 1/1 to 12/12$"):
        Shard.parse(text)
