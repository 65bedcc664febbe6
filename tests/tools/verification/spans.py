"""Spans later than whatever the broker has of other tests: only then the order of the log is that of time."""

from datetime import UTC, datetime, timedelta

from iss_agents.kafka.reader import Span

MINUTE = timedelta(minutes=1)

_ahead = [2 * MINUTE]
"""How far ahead of the clock each span begins; Kafka takes nothing an hour ahead."""


def new_span(seconds: int) -> Span:
    """Return a span of that length after all others."""
    length, ahead = timedelta(seconds=seconds), _ahead[-1]
    _ahead.append(ahead + length + MINUTE)
    start = datetime.now(UTC).replace(microsecond=0) + ahead
    return Span(start, start + length)
