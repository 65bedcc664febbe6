import pytest

from iss_agents.state_view.service import StateView
from iss_agents.telemetry.records import encode
from tests.factories import ChangelogRecord, last_seen, reading_of
from tests.web.conftest import Client, problem

LEVEL = {"item_id": "NODE3000005", "sequence": 5, "event_ids": ["a"]}


async def test_a_table_is_shown_as_its_changelog_has_it(client: Client, state: StateView) -> None:
    state.ready = True
    state.replica.apply([ChangelogRecord("iss-agents-tank_levels-changelog", b'"NODE3000005"', encode(LEVEL))])
    table = await (await client.get("/api/v1/tables/tank_levels")).json()
    value = await (await client.get("/api/v1/tables/tank_levels/NODE3000005")).json()

    assert table == {"table": "tank_levels", "complete": True, "count": 1, "entries": {"NODE3000005": LEVEL}}
    assert value == {"table": "tank_levels", "key": "NODE3000005", "value": LEVEL}


@pytest.mark.parametrize("name", ["last_seen", "tank_levels", "tweet_cooldowns"])
async def test_an_empty_table_is_a_table(client: Client, name: str) -> None:
    answer = await client.get(f"/api/v1/tables/{name}")

    assert await answer.json() == {"table": name, "complete": False, "count": 0, "entries": {}}


async def test_last_seen_holds_the_reading(client: Client, state: StateView) -> None:
    reading = reading_of("NODE3000005", "37")
    state.replica.apply([last_seen(reading)])
    document = await (await client.get("/api/v1/tables/last_seen/NODE3000005")).json()

    assert document["value"]["sequence"] == reading.sequence
    assert document["value"]["reading"]["value"] == "37"


async def test_an_unknown_table_is_named_with_those_there_are(client: Client) -> None:
    for path in ("/api/v1/tables/latest", "/api/v1/tables/latest/NODE3000005"):
        answer = await client.get(path)

        assert answer.status == 404
        assert await answer.json() == problem(
            404,
            "Not Found",
            "There is no Table latest",
            parameter="name",
            value="latest",
            expected="one of last_seen, tank_levels, tweet_cooldowns",
        )


async def test_an_unknown_key_is_named_once_the_table_is_complete(client: Client, state: StateView) -> None:
    early = await client.get("/api/v1/tables/last_seen/NODE9")
    state.ready = True
    late = await client.get("/api/v1/tables/last_seen/NODE9")

    assert (early.status, early.headers["Retry-After"]) == (503, "5")
    assert await late.json() == problem(
        404, "Not Found", "The Table last_seen has no key NODE9", parameter="key", value="NODE9"
    )


async def test_the_tables_are_listed(client: Client, state: StateView) -> None:
    state.replica.apply([last_seen(reading_of("NODE3000005", "37"))])
    document = await (await client.get("/api/v1/tables")).json()

    assert document == {
        "complete": False,
        "tables": [
            {"table": "last_seen", "count": 1},
            {"table": "tank_levels", "count": 0},
            {"table": "tweet_cooldowns", "count": 0},
        ],
    }
