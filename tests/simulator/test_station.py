import pytest

from iss_agents.simulator.station import Station
from tests.simulator.conftest import Listen
from tests.simulator.listening import Seen
from tests.waiting import until

TANK = "NODE3000005"
CLOCK = "TIME_000001"


@pytest.mark.parametrize("transport", ["WS-STREAMING", "HTTP-STREAMING", "HTTP-POLLING", "WS-POLLING"])
async def test_real_client_gets_snapshot_and_changes(station: Station, listen: Listen, transport: str) -> None:
    station.publish(TANK, "37")
    listening = listen(TANK, CLOCK, transport=transport)
    await until(lambda: listening.seen == [Seen(TANK, "37", snapshot=True)])

    station.publish(TANK, "38")
    station.publish(CLOCK, "1")
    await until(lambda: len(listening.seen) == 3)

    assert listening.seen[1:] == [Seen(TANK, "38", snapshot=False), Seen(CLOCK, "1", snapshot=True)]
    assert listening.statuses[-1] == f"CONNECTED:{transport}"
    assert listening.errors == []
