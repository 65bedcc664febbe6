"""Let the archive fill a fresh database from all that Kafka has kept."""

import asyncio
from datetime import UTC, datetime
from time import monotonic

from iss_agents.embedded.kafka import UNSECURED
from iss_agents.errors import UserError

PATIENCE_SECONDS = 60.0
"""Kafka keeps a worker that was killed in its group until its session is over: 10 s by aiokafka's default."""

RETRY_SECONDS = 0.5


async def read_everything_again(kafka_url: str) -> None:
    """Set the archive's offsets back to the beginning; waits until Kafka knows that no archive runs.

    Raises:
        UserError: Kafka does not allow it within `PATIENCE_SECONDS`.
    """
    from iss_agents.archive.rewind import rewind  # noqa: PLC0415 - slow to import, and seldom needed
    from iss_agents.settings import load_settings  # noqa: PLC0415

    settings = load_settings().model_copy(update=UNSECURED | {"kafka_url": kafka_url})
    deadline = monotonic() + PATIENCE_SECONDS
    while True:
        try:
            await rewind(settings, datetime.fromtimestamp(0, UTC))
        except UserError:
            if monotonic() > deadline:
                raise
            await asyncio.sleep(RETRY_SECONDS)
        else:
            return
