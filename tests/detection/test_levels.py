from iss_agents.detection.levels import LevelStats, level_stats, since
from iss_agents.detection.state import Level

LEVELS = tuple(Level(at, value, "isslive") for at, value in [(0, 26.0), (10, 27.0), (40, 26.0)])


def test_a_rest_weighs_each_level_by_how_long_it_held() -> None:
    assert level_stats(LEVELS, 0, 50) == LevelStats(mean=26.6, low=26.0, high=27.0)
    assert level_stats(LEVELS, 20, 40) == LevelStats(mean=27.0, low=27.0, high=27.0)


def test_the_last_level_holds_on() -> None:
    assert level_stats(LEVELS, 100, 200) == LevelStats(mean=26.0, low=26.0, high=26.0)


def test_before_the_first_level_it_counts_all_the_same() -> None:
    assert level_stats(LEVELS, -20, -10) == LevelStats(mean=26.0, low=26.0, high=26.0)


def test_since_begins_with_the_level_that_held_at_the_moment() -> None:
    assert since(LEVELS, 39) == LEVELS[1:]
    assert since(LEVELS, 40) == LEVELS[2:]
    assert since(LEVELS, -5) == LEVELS
