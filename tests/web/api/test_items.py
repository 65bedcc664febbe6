from datetime import UTC, datetime, timedelta
from functools import partial
from urllib.parse import quote

import pytest

from iss_agents.feed.gap_detection import new_gap
from iss_agents.state_view.service import StateView
from iss_agents.telemetry.catalog import items
from iss_agents.telemetry.records import Gap, encode
from iss_agents.telemetry.station_clock import milliseconds, rfc3339
from iss_agents.telemetry.topics import GAPS
from tests.factories import ChangelogRecord, last_seen, reading_of
from tests.telemetry.words import FIRST_FOUND
from tests.web.conftest import Client, problem
from web.api.items import DISCIPLINES
from web.base.context import WorkerContext
from web.current.signal import signal_state

NOW = datetime(2026, 8, 11, 10, 27, 48, tzinfo=UTC)


async def test_every_item_of_the_catalogue_is_listed(client: Client) -> None:
    answer = await client.get("/api/v1/items")
    document = await answer.json()

    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Type"] == "application/json"
    assert document["count"] == len(document["items"]) == 337
    assert document["signal"] == {"state": "UNKNOWN", "source_ts": None, "age_seconds": None}
    assert document["complete"] is False
    assert not any(item["measured"] for item in document["items"])


async def test_an_item_shows_its_newest_reading(client: Client, state: StateView) -> None:
    reading = reading_of("NODE3000004", "32.00", datetime.now(UTC) - timedelta(seconds=90), snapshot=True)
    state.replica.apply([last_seen(reading)])
    state.ready = True
    document = await (await client.get("/api/v1/items/NODE3000004")).json()

    assert 90 <= document.pop("age_seconds") < 100
    assert document == {
        "item_id": "NODE3000004",
        "name": "Urine Processor State",
        "discipline": "ETHOS",
        "unit": "",
        "note": "",
        "stuck_after_seconds": None,
        "measured": True,
        "value": "32.00",
        "number": 32.0,
        "state": "STANDBY",
        "source_ts": rfc3339(reading.source_ts),
        "ingest_ts": rfc3339(reading.ingest_ts),
        "status_class": "24",
        "good": True,
        "severity": "inactive",
        "snapshot": True,
        "source": "simulated",
        "freshness": "unchanged",
        "stale": False,
        "plain_name": "Urine processor",
        "synonyms": list(items()["NODE3000004"].synonyms),
        "description": "What the machine that distils water out of urine does; it is normal while it works.",
        "description_source": "NASA, Operating an Outpost in the New Frontier (2017), chapter 19",
    }


async def test_an_item_that_was_never_measured_has_nulls(client: Client, state: StateView) -> None:
    state.ready = True
    document = await (await client.get("/api/v1/items/NODE3000005")).json()

    assert document["measured"] is False
    fields = ("value", "number", "state", "source_ts", "ingest_ts", "age_seconds", "status_class", "snapshot")
    assert [document[field] for field in (*fields, "good", "source")] == [None] * 10


async def test_an_unknown_item_is_named(client: Client) -> None:
    answer = await client.get("/api/v1/items/NODE9")

    assert answer.status == 404
    assert await answer.json() == problem(
        404,
        "Not Found",
        "There is no item NODE9",
        parameter="item_id",
        value="NODE9",
        expected="an item of the catalogue; GET /api/v1/items lists them",
    )


async def test_the_signal_is_that_of_the_stations_clock(client: Client, state: StateView) -> None:
    state.replica.apply([last_seen(reading_of("TIME_000001", "19276068000"))])
    document = await (await client.get("/api/v1/items")).json()

    assert document["signal"]["state"] == "AOS"
    assert document["signal"]["age_seconds"] < 5
    assert [item["item_id"] for item in document["items"] if item["measured"]] == ["TIME_000001"]


@pytest.mark.parametrize(
    ("status_class", "age", "expected"),
    [
        ("24", 0, "AOS"),
        ("24", 60, "AOS"),
        ("24.0", 0, "AOS"),
        ("24", 61, "STALE"),
        ("1", 0, "LOS"),
        ("1", 3600, "LOS"),
        (None, 0, "AOS"),
    ],
)
def test_the_signal_follows_from_status_and_age(status_class: str | None, age: int, expected: str) -> None:
    clock = reading_of("TIME_000001", "0", NOW - timedelta(seconds=age), status_class=status_class)

    assert signal_state(clock, NOW) == expected


async def test_a_worker_without_the_state_says_whom_to_ask(client: Client, context: WorkerContext) -> None:
    context.state = None
    for path in ("/api/v1/items", "/api/v1/items/NODE3000005", "/api/v1/tables/last_seen"):
        answer = await client.get(path)

        assert answer.status == 503
        assert (await answer.json())["detail"] == (
            "This worker does not run the role web; ask a worker with web in ISS_ROLES"
        )


async def test_an_unknown_parameter_is_an_error(client: Client) -> None:
    answer = await client.get("/api/v1/items?disciplin=ETHOS")

    assert answer.status == 400
    assert await answer.json() == problem(
        400,
        "Bad Request",
        "disciplin is 'ETHOS'; expected one of the names discipline, source, stale, text",
        parameter="disciplin",
        value="ETHOS",
        expected="one of the names discipline, source, stale, text",
    )


async def ids(client: Client, query: str) -> list[str]:
    document = await (await client.get(f"/api/v1/items?{query}")).json()
    assert document["count"] == len(document["items"])
    return [item["item_id"] for item in document["items"]]


@pytest.mark.parametrize(("word", "expected"), FIRST_FOUND.items())
async def test_a_layman_finds_what_the_word_means_first(
    client: Client, word: str, expected: tuple[str, ...]
) -> None:
    assert tuple((await ids(client, f"text={quote(word)}"))[: len(expected)]) == expected


async def test_items_are_found_by_discipline_and_by_words_of_id_name_or_state(
    client: Client, state: StateView
) -> None:
    state.replica.apply([last_seen(reading_of("NODE3000004", "32"))])

    assert await ids(client, "text=urine") == ["NODE3000005", "NODE3000004"]
    assert await ids(client, "text=e3000004") == ["NODE3000004"]
    assert await ids(client, "text=StandBy&discipline=ethos") == ["NODE3000004"]
    assert await ids(client, "text=urine&discipline=ADCO") == []
    assert len(await ids(client, "discipline=CSA")) == 39


async def test_a_reading_is_not_stale_while_readings_come_in(client: Client, state: StateView) -> None:
    now = datetime.now(UTC)
    resting = reading_of("USLAB000086", "2", now - timedelta(days=28))
    stuck = reading_of("USLAB000033", "5404.2", now - timedelta(hours=20))
    state.replica.apply(map(last_seen, [reading_of("TIME_000001", "0"), resting, stuck]))

    assert await ids(client, "stale=false") == []
    state.ready = True
    assert await ids(client, "stale=false") == ["TIME_000001", "USLAB000086"]
    assert len(await ids(client, "stale=true")) == 335
    state.away_since = now
    assert len(await ids(client, "stale=true")) == 337


async def test_an_item_is_not_seen_in_a_gap_and_until_the_feed_had_time_to_send_it(
    client: Client, state: StateView
) -> None:
    now = datetime.now(UTC)
    resting = reading_of("USLAB000086", "2", now - timedelta(days=1), ingest_ts=now - timedelta(days=1))
    state.replica.apply(map(last_seen, [reading_of("TIME_000001", "0"), resting]))
    state.ready = True

    async def freshness(*gaps: Gap) -> str:
        state.replica.apply(ChangelogRecord(GAPS.name, None, encode(gap)) for gap in gaps)
        return str((await (await client.get("/api/v1/items/USLAB000086")).json())["freshness"])

    lost = partial(new_gap, "outage", detail="", source="simulated")
    assert await freshness() == "unchanged"
    assert await freshness(lost(now - timedelta(hours=2), end=now - timedelta(hours=1))) == "unchanged"
    assert await freshness(lost(now - timedelta(minutes=2), end=now - timedelta(seconds=9))) == "not_seen"


async def test_an_item_that_the_feed_rejects_is_not_seen(client: Client, state: StateView) -> None:
    now = datetime.now(UTC)
    readings = [reading_of(item, "2", now - timedelta(days=1)) for item in ("USLAB000086", "USLAB000012")]
    state.replica.apply(map(last_seen, [reading_of("TIME_000001", "0"), *readings]))
    gap = new_gap("outage", now, detail="", source="simulated", item_id="USLAB000086")
    state.replica.apply([ChangelogRecord(GAPS.name, None, encode(gap), milliseconds(now))])
    state.ready = True

    assert await ids(client, "stale=false") == ["TIME_000001", "USLAB000012"]


@pytest.mark.parametrize(
    ("query", "parameter", "value", "expected"),
    [
        ("discipline=PILOT", "discipline", "PILOT", f"one of {', '.join(DISCIPLINES)}"),
        ("stale=perhaps", "stale", "perhaps", "one of true, false"),
        (f"text={'x' * 101}", "text", "x" * 101, "a text of at most 100 characters"),
    ],
)
async def test_a_wrong_filter_is_named(
    client: Client, query: str, parameter: str, value: str, expected: str
) -> None:
    answer = await client.get(f"/api/v1/items?{query}")
    detail = f"{parameter} is {value!r}; expected {expected}"

    assert await answer.json() == problem(
        400, "Bad Request", detail, parameter=parameter, value=value, expected=expected
    )


async def test_the_json_that_is_kept_is_that_of_the_document(client: Client, state: StateView) -> None:
    state.ready = True
    for value in ("37", "38"):
        state.replica.apply([last_seen(reading_of("NODE3000005", value))])
        (listed,) = (await (await client.get("/api/v1/items?text=NODE3000005")).json())["items"]
        alone = await (await client.get("/api/v1/items/NODE3000005")).json()

        assert alone.pop("age_seconds") >= listed.pop("age_seconds") >= 0
        assert listed == alone
        assert (listed["value"], listed["stale"]) == (value, False)


@pytest.mark.parametrize("typed", ["node3000005", "Node3000005", "NODE3000005", "time_000001"])
async def test_an_item_is_found_in_whatever_case(client: Client, state: StateView, typed: str) -> None:
    state.replica.apply([last_seen(reading_of(item, "1")) for item in ("NODE3000005", "TIME_000001")])
    state.ready = True
    document = await (await client.get(f"/api/v1/items/{typed}")).json()
    page = await client.get(f"/items/{typed}")

    assert document["item_id"].upper() == typed.upper()
    assert document["measured"]
    assert (page.status, page.url.path) == (200, f"/items/{document['item_id']}")
