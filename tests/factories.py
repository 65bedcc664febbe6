"""Settings and records as tests need them: complete, and ordinary in all that a test does not choose."""

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import uuid4

from iss_agents.announcers.decision import Decision, Outcome
from iss_agents.config.settings import Settings
from iss_agents.detection.events import ConfidenceParts, Urination
from iss_agents.telemetry.records import GOOD_STATUS, Reading, Source, encode, new_reading
from iss_agents.telemetry.series import series_of
from iss_agents.telemetry.topics import LAST_SEEN_CHANGELOG

TOKEN = "correct horse"
"""What `settings_for` expects of those who bring readings."""

NOON = datetime(2026, 8, 11, 12, 0, tzinfo=UTC)
"""When the events of the tests are detected."""


def settings_for(mongo_url: str, **changes: Any) -> Settings:
    """Return settings with an empty database and without Kafka, whatever a file says."""
    known: dict[str, Any] = {
        # Port 1 refuses.
        "kafka_url": "127.0.0.1:1",
        "mongo_url": mongo_url,
        "mongo_database": f"test_{uuid4().hex}",
        "ingest_token": TOKEN,
        # As the readings of these tests say.
        "source": "simulated",
        # What a test dates back would otherwise expire in its midst, and slow others down (archive/expiry.py).
        "retention_days": 0,
        "summary_days": 0,
    }
    return Settings(_env_file=None, **(known | changes))


def reading_of(item_id: str, value: str, source_ts: datetime | None = None, **fields: Any) -> Reading:
    """Return a simulated reading, taken now unless said otherwise, with a good status."""
    now = datetime.now(UTC)
    known: dict[str, Any] = {"ingest_ts": now, "source": "simulated", "status_class": GOOD_STATUS, **fields}
    return new_reading(item_id, source_ts or now, value, **known)


class ChangelogRecord(NamedTuple):
    """A record of a topic that the state view follows."""

    topic: str
    key: bytes | None
    value: bytes | None
    timestamp: int = 0


def last_seen(reading: Reading, **version: int) -> ChangelogRecord:
    """Return the changelog record that keep_last_seen leaves for a reading; `version`: offset, generation."""
    value = {"reading": reading, "sequence": reading.sequence, "event_ids": [reading.event_id], **version}
    key = encode(series_of(reading.item_id, reading.source))
    return ChangelogRecord(LAST_SEEN_CHANGELOG.name, key, encode(value))


def decision_on(event_id: str, decision: Outcome = "posted", **fields: Any) -> Decision:
    """A decision on an event, made at NOON."""
    defaults: dict[str, Any] = {"decided_at": NOON, "detected_at": NOON, "text": "A use.", "source": "isslive"}
    return Decision(schema_version=1, event_id=event_id, decision=decision, **(defaults | fields))


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
