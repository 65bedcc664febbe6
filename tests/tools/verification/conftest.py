"""An archive to be verified, and how many readings a verification holds."""

import pytest

from iss_agents.kafka.reader import PartitionOffsets
from iss_agents.tools.verification.mongo import Comparison, Stored
from tests.archive.conftest import database, fault_url, producer, settings

__all__ = ["database", "fault_url", "producer", "settings"]


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many readings are held each time before Kafka is read."""
    counts, compare = list[int](), Comparison._compare_between

    async def counting(
        self: Comparison, starts: PartitionOffsets, ends: PartitionOffsets, unmatched: Stored
    ) -> None:
        counts.append(len(unmatched))
        await compare(self, starts, ends, unmatched)

    monkeypatch.setattr(Comparison, "_compare_between", counting)
    return counts
