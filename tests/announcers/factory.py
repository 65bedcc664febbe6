"""Events and clocks for the tests of announcing."""

from datetime import UTC, datetime, timedelta

from iss_agents.detection.events import ConfidenceParts, Urination
from iss_agents.records import Source

NOON = datetime(2026, 8, 11, 12, 0, tzinfo=UTC)
"""When the events of the tests are detected."""


def urination(
    event_id: str = "a1",
    *,
    detected_at: datetime = NOON,
    source: Source = "isslive",
    level_before: float = 42,
    level_after: float = 45,
    reading_ids: tuple[str, ...] = (),
) -> Urination:
    """Return a use that began a minute before it was detected."""
    return Urination(
        event_id=event_id,
        schema_version=1,
        start=detected_at - timedelta(minutes=1),
        end=detected_at - timedelta(seconds=40),
        detected_at=detected_at,
        level_before=level_before,
        level_after=level_after,
        delta_percent=level_after - level_before,
        confidence=0.9,
        confidence_parts=ConfidenceParts(size=0.8, steadiness=1.0, pace=0.8, evidence=1.0),
        processor_running=False,
        readings=7,
        source=source,
        reading_ids=reading_ids,
    )


class FakeTime:
    """A clock that only sleeping moves. `slept` are the seconds of each sleep."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now
        self.slept: list[float] = []

    def clock(self) -> datetime:
        """Return the time it is."""
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Move on at once."""
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)
