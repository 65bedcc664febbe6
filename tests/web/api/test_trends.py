from datetime import UTC, datetime, timedelta

from iss_agents.state_view.service import StateView
from iss_agents.telemetry.station_clock import milliseconds
from tests.factories import last_seen, reading_of
from tests.web.conftest import Client

NOON = datetime(2026, 8, 11, 12, 0, tzinfo=UTC)


async def test_the_last_numbers_of_every_item_are_given(client: Client, state: StateView) -> None:
    later = NOON + timedelta(seconds=1)
    readings = [
        reading_of("NODE3000005", "37", NOON),
        reading_of("NODE3000005", "38.5", later),
        reading_of("NODE3000004", "32.00", NOON),
        reading_of("USLAB000058", "no number", NOON),
        reading_of("USLAB000059", "nan", NOON),
    ]
    state.replica.apply(map(last_seen, readings))
    answer = await client.get("/api/v1/trends")

    assert await answer.json() == {
        "trends": {
            "NODE3000005": [[milliseconds(NOON), 37.0], [milliseconds(later), 38.5]],
            "NODE3000004": [[milliseconds(NOON), 32.0]],
        }
    }
