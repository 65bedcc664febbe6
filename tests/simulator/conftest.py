"""Real clients for the tests of the simulated station."""

from collections.abc import AsyncIterator, Callable

import pytest

from iss_agents.simulator.station import Station
from tests.simulator.listening import Listening
from tests.waiting import until

Listen = Callable[..., Listening]


@pytest.fixture
async def listen(station: Station) -> AsyncIterator[Listen]:
    """Connect a real client to the station's items; it is disconnected after the test."""
    clients: list[Listening] = []

    def connect(*items: str, transport: str | None = None) -> Listening:
        clients.append(Listening(station.url, items, transport))
        clients[-1].connect()
        return clients[-1]

    yield connect
    for listening in clients:
        listening.client.disconnect()
        await until(lambda: listening.client.getStatus() == "DISCONNECTED")  # noqa: B023
