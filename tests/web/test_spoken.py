from datetime import UTC, datetime, timedelta

import pytest

from web.spoken import duration, since_when

NOW = datetime(2026, 8, 11, 14, 7, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-5, "0 s"), (0, "0 s"), (59.9, "59 s"), (60, "1 min"), (3599, "59 min"), (7200, "2 h"), (200_000, "2 d")],
)
def test_a_duration_is_said_in_its_largest_unit(seconds: float, words: str) -> None:
    assert duration(timedelta(seconds=seconds)) == words


def test_a_time_long_ago_has_its_day() -> None:
    assert since_when(NOW - timedelta(hours=11), NOW) == "since 03:07:10 UTC (11 h)"
    assert since_when(NOW - timedelta(hours=30), NOW) == "since 2026-08-10 08:07:10 UTC (1 d)"
