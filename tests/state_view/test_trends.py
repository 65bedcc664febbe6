from datetime import UTC, datetime, timedelta

from iss_agents.state_view.trends import Trends
from tests.factories import reading_of

NOON = datetime(2026, 8, 11, 12, 0, tzinfo=UTC)


def test_a_trend_keeps_the_last_sixty() -> None:
    trends = Trends()
    for second in range(61):
        trends.add(reading_of("TIME_000001", str(second), NOON + timedelta(seconds=second)))

    (points,) = trends.points("simulated").values()
    assert [number for _, number in points] == list(map(float, range(1, 61)))
