"""What the archive refuses reaches the invalid topic, also after Kafka has not taken it."""

from time import time
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import InvalidTimestampError

from iss_agents.archive.sink import DeadLetters, Rejection
from iss_agents.config.settings import Settings
from iss_agents.telemetry.topics import RAW
from tests.web.archived import ArchivedMessage

REFUSAL = Rejection(ArchivedMessage(RAW.name, 0, 7, 0, b"nothing"), "undecodable", "it is none of ours")


async def test_a_refusal_is_taken_as_soon_as_the_clock_is_corrected(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead_letters = DeadLetters(settings)
    whole = AIOKafkaProducer.send_and_wait

    async def send_ahead(self: Any, *arguments: Any, **options: Any) -> Any:
        return await whole(self, *arguments, **options, timestamp_ms=int((time() + 7200) * 1000))

    await dead_letters.start()
    await dead_letters.send(REFUSAL)
    try:
        with monkeypatch.context() as wrong:
            wrong.setattr(AIOKafkaProducer, "send_and_wait", send_ahead)
            with pytest.raises(InvalidTimestampError):
                await dead_letters.send(REFUSAL)
        await dead_letters.send(REFUSAL)
    finally:
        await dead_letters.stop()
