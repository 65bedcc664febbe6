from itertools import islice

from iss_agents.runtime.backoff import delays


def test_delays_double_up_to_the_ceiling() -> None:
    assert list(islice(delays(5, 60, jitter=lambda: 0), 6)) == [5, 10, 20, 40, 60, 60]


def test_jitter_shortens_by_at_most_a_quarter() -> None:
    assert list(islice(delays(4, 60, jitter=lambda: 1), 2)) == [3, 6]
