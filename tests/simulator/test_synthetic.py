import itertools
from datetime import UTC, datetime, timedelta

from iss_agents.simulator.model import station_model
from iss_agents.simulator.synthetic import NEVER_MEASURED, Synthetic
from iss_agents.simulator.updates import TIME_STAMP, VALUE
from iss_agents.telemetry.catalog import items
from iss_agents.telemetry.station_clock import source_time

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


def test_rate_is_the_number_of_updates_per_second() -> None:
    synthetic = Synthetic(rate=1000)
    synthetic.due(NOW)

    assert len(synthetic.due(NOW + timedelta(seconds=2))) == 2000
    assert synthetic.due(NOW + timedelta(seconds=2)) == []


def test_rate_zero_gives_the_snapshot_alone() -> None:
    synthetic = Synthetic(rate=0)

    assert len(synthetic.due(NOW)) == 337
    assert synthetic.due(NOW + timedelta(hours=1)) == []


def test_some_items_were_never_measured() -> None:
    stamps = [update.fields[TIME_STAMP] for update in Synthetic(rate=1).due(NOW)]

    assert sum(stamp in {"", "0", None} for stamp in stamps) == NEVER_MEASURED
    assert {"", "0", None} <= set(stamps)


def test_time_of_an_item_always_grows() -> None:
    synthetic = Synthetic(rate=5000)
    last: dict[str, datetime] = {}
    updates = synthetic.due(NOW) + synthetic.due(NOW + timedelta(seconds=5))

    for update in updates:
        if update.fields[TIME_STAMP] in {"", "0", None}:
            continue
        time = source_time(float(update.fields[TIME_STAMP] or ""), NOW + timedelta(seconds=5))
        assert update.item_id not in last or time > last[update.item_id]
        last[update.item_id] = time


def test_enum_items_take_their_states_in_both_spellings() -> None:
    synthetic = Synthetic(rate=1000)
    updates = synthetic.due(NOW) + synthetic.due(NOW + timedelta(seconds=3))
    states = [
        (update.fields[VALUE] or "", items()[update.item_id])
        for update in updates
        if items()[update.item_id].states and update.fields[TIME_STAMP] not in {"", "0", None}
    ]

    assert all(item.state(value) is not None for value, item in states)
    assert {value.endswith(".00") for value, _ in states} == {True, False}


def test_values_are_what_a_station_may_have() -> None:
    synthetic = Synthetic(rate=3000)
    last = {
        update.item_id: update
        for second in range(60)
        for update in synthetic.due(NOW + timedelta(seconds=second))
    }
    pressure, oxygen = (float(last[item].fields[VALUE] or "") for item in ("USLAB000058", "USLAB000053"))

    assert 700 < pressure < 780
    assert 150 < oxygen < 170


def test_a_state_lasts_for_a_while() -> None:
    synthetic, item = Synthetic(rate=1000), "AIRLOCK000050"
    states = [
        float(update.fields[VALUE] or "")
        for second in range(60)
        for update in synthetic.due(NOW + timedelta(seconds=second))
        if update.item_id == item
    ]
    changes = sum(one != next_one for one, next_one in itertools.pairwise(states))

    assert len(states) > 100
    assert changes < len(states) / 10


def test_whole_model_gives_each_catalogue_item_once() -> None:
    snapshot = [update.item_id for source in station_model(rate=10) for update in source.due(NOW)]

    assert sorted(snapshot) == sorted(items())
