"""The measurement of what is written to disk: it writes all there is, and counts it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import pytest

from iss_agents.archive.packed.hours import PACKED_HOURS
from iss_agents.archive.rollups.buckets import HOUR
from iss_agents.archive.rollups.days import DAYS
from iss_agents.archive.rollups.hours import SUMMARIES
from tests.tools.bench.disk.__main__ import written_by_process
from tests.tools.bench.disk.key_string import key_string, record_id
from tests.tools.bench.disk.readings import START, Readings
from tests.tools.bench.disk.rollups import Rollups
from tests.tools.bench.disk.server import composed
from tests.tools.bench.disk.simulation import Figures, Plan, Simulation

PLAN = Plan(items=3, retention=timedelta(hours=6), newest=timedelta(hours=4))
SPAN = timedelta(minutes=3)
READINGS = 3 * 60 * 70 * 3 // 337


class Run(NamedTuple):
    """What a short run has written, also by the count of the process, and how many entries each table had."""

    written: Figures
    by_process: int
    entries_before: list[int]
    entries_after: list[int]


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run(tmp_path_factory.mktemp("usual"), PLAN)


def run(folder: Path, plan: Plan) -> Run:
    with Simulation(folder, plan) as simulation:
        by_process, written, entries = written_by_process(), simulation.written(), simulation.entries()
        simulation.run(SPAN)
        by_process, written = written_by_process() - by_process, simulation.written().since(written)
        return Run(written, by_process, entries, simulation.entries())


def test_keys_sort_like_the_values() -> None:
    times = [datetime(1969, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)]
    values = [(None, False), ("A", True), ("A1", times[0]), ("A1", times[1]), (b"", b"")]

    keys = [key_string(each) for each in values]

    assert sorted([*keys[2:], *keys[:2]]) == keys


@pytest.mark.parametrize("number", [1, 1023, 1024, 2**28, 2**40])
def test_records_sort_like_their_numbers(number: int) -> None:
    assert record_id(number - 1) < record_id(number) < record_id(number + 1)
    assert len(record_id(number)) == 2 + max(0, number.bit_length() - 10 + 7) // 8


def test_readings_are_in_order_and_repeat_after_a_lap() -> None:
    readings = Readings(3, 70)

    times = [readings.place(number).time for number in range(-5, readings.lap)]

    assert times == sorted(times)
    assert readings.place(7).time - readings.place(7 - readings.lap).time == readings.period
    assert readings.lap / readings.period * 1000 == pytest.approx(70, rel=0.001)


def test_as_much_is_stored_as_expires(usual: Run) -> None:
    assert usual.entries_after == usual.entries_before


def test_all_that_is_written_is_counted(usual: Run) -> None:
    counted = usual.written.total + usual.written.journal

    assert sum(usual.written.tables.values()) == usual.written.total
    # The list of checkpoints, a kilobyte each time, is in no count.
    assert counted < usual.by_process < 1.1 * counted
    # The random part of each id stays, however well the rest is compressed.
    assert usual.written.tables["readings"] > 10 * READINGS


def test_random_ids_cost_more_than_those_that_begin_with_the_time(usual: Run, tmp_path: Path) -> None:
    random = run(tmp_path, PLAN._replace(random_ids=True))

    assert random.written.tables["index on _id"] > 3 * usual.written.tables["index on _id"]


def test_every_hour_is_marked_packed_and_computed_once(tmp_path: Path) -> None:
    with Rollups(tmp_path, composed(), Readings(3, 70), 10) as rollups:
        for start in range(START, START + 24 * HOUR, HOUR):
            rollups.mark(start)
            assert len(list(rollups.compute(start))) == 3
        documents = {name: each.documents.entries() for name, each in rollups.collections.items()}

    assert documents == {PACKED_HOURS: 3 * 24, SUMMARIES: 3 * 24, DAYS: 3}
