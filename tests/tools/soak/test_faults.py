from collections import Counter
from datetime import timedelta
from itertools import islice
from random import Random

from iss_agents.tools.soak.clock_faults import LEAST, MOST, STALE, either_way, some_time
from iss_agents.tools.soak.context import name_of
from iss_agents.tools.soak.faults import FAULTS, WITH_LIBFAKETIME, possible, rounds


def test_each_fault_comes_before_one_comes_again_and_a_seed_gives_the_same_ones() -> None:
    first, again = (list(islice(rounds(FAULTS, Random(7)), 2 * len(FAULTS))) for _ in range(2))

    assert first == again
    assert set(first[: len(FAULTS)]) == set(FAULTS)
    assert set(Counter(first).values()) == {2}
    assert len(set(map(name_of, FAULTS))) == len(FAULTS)


def test_without_libfaketime_only_the_wall_clocks_are_left_alone() -> None:
    assert set(possible(FAULTS, has_libfaketime=True)) == set(FAULTS)
    assert set(possible(FAULTS, has_libfaketime=False)) == set(FAULTS) - set(WITH_LIBFAKETIME)


def test_clocks_are_set_by_seconds_and_by_hours_forward_and_back() -> None:
    random = Random(7)
    steps = [either_way(random) for _ in range(1000)]

    assert all(LEAST <= abs(step) <= MOST for step in steps)
    for wrong in (steps, [-step for step in steps]):
        assert any(timedelta() < step < timedelta(seconds=10) for step in wrong)
        assert any(step > timedelta(hours=1) for step in wrong)
    assert min(some_time(random, STALE) for _ in range(1000)) >= STALE
