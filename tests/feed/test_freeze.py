"""A frozen broadcast: readings that stand still while the station's clock does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from iss_agents.feed.quality import Freeze
from iss_agents.telemetry.records import Reading
from tests.feed.factory import ITEM, arrived, clock, reading


def follow(freeze: Freeze, one: Reading) -> Reading:
    return freeze.check(one, arrived(one))


def test_old_readings_are_marked_while_the_clock_stands_still() -> None:
    freeze = Freeze()
    suspects = [follow(freeze, sent).suspect for sent in (clock(age=61), reading(age=61), reading(age=59))]

    assert suspects == ["frozen", "frozen", None]
    assert freeze.since == clock(age=61).source_ts


def test_an_old_time_stamp_is_healthy_while_the_clock_moves() -> None:
    freeze = Freeze()
    follow(freeze, clock())

    assert follow(freeze, reading(age=28 * 86400, snapshot=True)).suspect is None


def test_nothing_is_marked_before_the_clock_was_heard() -> None:
    assert follow(Freeze(), reading(age=500)).suspect is None


def test_a_clock_heard_long_ago_stands_still() -> None:
    freeze = Freeze()
    follow(freeze, clock(age=0))

    assert follow(freeze, reading(at=60, age=61)).suspect is None
    assert follow(freeze, reading(at=60.1, age=61)).suspect == "frozen"


def test_a_clock_that_comes_late_and_moves_is_not_frozen() -> None:
    freeze = Freeze()
    follow(freeze, clock(at=0, age=5))
    follow(freeze, clock(at=50, age=54))

    assert follow(freeze, clock(at=70, age=73)).suspect is None
    assert follow(freeze, reading(at=130, age=200)).suspect is None
    assert follow(freeze, reading(at=130.1, age=200)).suspect == "frozen"


def test_a_clock_that_is_sent_again_unchanged_stands_still() -> None:
    freeze = Freeze()
    follow(freeze, clock(at=0, age=5))

    assert follow(freeze, clock(at=100, age=105)).suspect == "frozen"


def test_a_thaw_asks_for_a_snapshot_once() -> None:
    freeze = Freeze()
    follow(freeze, clock(age=100))
    assert not freeze.needs_snapshot

    assert follow(freeze, clock(at=1)).suspect is None
    assert freeze.needs_snapshot
    freeze.needs_snapshot = False
    follow(freeze, clock(at=2))
    assert not freeze.needs_snapshot


def test_a_new_session_shows_everything_anew_and_asks_for_nothing() -> None:
    freeze = Freeze()
    follow(freeze, clock(age=100))

    assert follow(freeze, clock(at=1, session=2)).suspect is None
    assert follow(freeze, reading(ITEM, at=1, age=900, session=2)).suspect is None
    assert not freeze.needs_snapshot


@given(
    lag=st.floats(0, 86_400),
    ticks=st.lists(st.integers(2, 20), min_size=2, max_size=6),
    pause=st.floats(0, 600),
)
def test_a_clock_that_moves_is_not_frozen_however_late_it_is_and_costs_one_session_at_most(
    lag: float, ticks: list[int], pause: float
) -> None:
    freeze, at, marked, wishes = Freeze(), 0.0, [], 0
    for session, count in enumerate(ticks):
        for tick in range(count):
            for sent in (clock(at, age=lag, session=session, snapshot=not tick), reading(at=at, age=lag + 30)):
                one = replace(sent, session=session, snapshot=not tick)
                marked += [session] * (follow(freeze, one).suspect is not None)
            wishes += freeze.needs_snapshot
            freeze.needs_snapshot = False
            at += 1
        at += pause

    assert set(marked) <= {0}
    assert wishes <= 1


def test_a_station_that_sets_its_clock_back_is_not_frozen() -> None:
    freeze = Freeze()
    for at in range(5):
        follow(freeze, clock(at))
    for at in range(5, 200):
        assert follow(freeze, clock(at, age=3600)).suspect is None
        assert follow(freeze, reading(at=at, age=3700)).suspect is None


@pytest.mark.parametrize("step", [-3600.0, 61.0, 86_400.0])
def test_a_step_of_our_clock_is_no_freeze(step: float) -> None:
    freeze = Freeze()
    for at in range(5):
        follow(freeze, clock(at))

    assert freeze.check(reading(at=5 + step, age=6 + step), 5).suspect is None
    assert freeze.check(clock(6 + step, age=6 + step), 6).suspect is None
    assert not freeze.needs_snapshot


def test_a_broadcast_that_stood_still_between_two_sessions_is_frozen_by_the_usual_delay() -> None:
    freeze = Freeze()
    for at in range(5):
        follow(freeze, clock(at, age=300))

    assert follow(freeze, clock(200, age=361, session=2, snapshot=True)).suspect == "frozen"


def test_a_delay_is_constant_after_half_a_minute() -> None:
    freeze = Freeze()
    late = []
    for at in range(40):
        follow(freeze, clock(at, age=75))
        late.append(freeze.is_late(at))
    assert late == [False] * 31 + [True] * 9

    follow(freeze, clock(40, age=60))
    assert not freeze.is_late(40)
