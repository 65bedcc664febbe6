"""Counts what this process asks Kafka for, which no busy machine changes."""

from collections import Counter
from typing import Any

import pytest
from aiokafka.conn import AIOKafkaConnection


def requests_to_kafka(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Return how many requests of each kind are sent from now on."""
    counts: Counter[str] = Counter()
    send = AIOKafkaConnection.send

    def counted(self: AIOKafkaConnection, request: Any, *arguments: Any, **options: Any) -> Any:
        counts[type(request).__name__] += 1
        return send(self, request, *arguments, **options)

    monkeypatch.setattr(AIOKafkaConnection, "send", counted)
    return counts
