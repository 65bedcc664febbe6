from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from iss_agents.kafka.clients import quiet_kafka_logs
from tests.faults.stage import Stage


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """A system under load, with one worker."""
    quiet_kafka_logs()
    whole = Stage(tmp_path)
    try:
        await whole.begin()
        yield whole
    finally:
        await whole.end()
