from iss_agents.telemetry.catalog import TANK_ITEMS, items
from iss_agents.telemetry.topics import RAW, partition_for


def test_the_items_of_the_tank_share_a_partition() -> None:
    assert {partition_for(item) for item in TANK_ITEMS} == {5}


def test_every_partition_gets_items_and_the_mapping_never_moves() -> None:
    assert {partition_for(item) for item in items()} == set(range(RAW.partitions))
    assert [partition_for(item) for item in ("S0000001", "USLAB000058", "NODE3000009")] == [1, 3, 8]
