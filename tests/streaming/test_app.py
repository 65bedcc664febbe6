"""What the App does for its agents while they wait."""

from collections.abc import AsyncIterator

import pytest

from iss_agents.config.settings import Settings
from iss_agents.streaming.app import StreamingApp

SESSION_SECONDS, HEARTBEAT_SECONDS = 10.0, 3.0


@pytest.fixture
async def app() -> AsyncIterator[StreamingApp]:
    made = StreamingApp(
        Settings(kafka_url="127.0.0.1:1"),
        "app-test",
        session_seconds=SESSION_SECONDS,
        heartbeat_seconds=HEARTBEAT_SECONDS,
        store="memory://",
    )
    yield made
    made.batch_consumer._thread.thread_loop.close()


async def test_a_worker_that_stood_still_in_the_midst_of_a_list_does_not_go_on_with_it(
    app: StreamingApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    def end(reason: str, *details: object) -> None:
        raise SystemExit(reason % details)

    monkeypatch.setattr("iss_agents.watchdogs.suspension.fail_fast", end)
    await app.pause(0.01)
    app.fence._beat_at -= SESSION_SECONDS - HEARTBEAT_SECONDS + 0.01

    with pytest.raises(SystemExit, match="this process was suspended"):
        await app.pause(0.01)
