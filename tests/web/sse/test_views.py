import asyncio
from datetime import datetime, timedelta

import pytest

from iss_agents.state_view.service import StateView
from iss_agents.telemetry.records import encode
from iss_agents.telemetry.topics import EVENTS
from tests.factories import ChangelogRecord, last_seen, reading_of, urination
from tests.waiting import until
from tests.web.conftest import Client
from tests.web.sse.listening import apply, broadcast_of, listening, seen
from web.sse import listener
from web.sse.broadcast import BEAT_SECONDS

TANK, CLOCK = "NODE3000005", "TIME_000001"


async def test_first_comes_everything_and_then_what_changes(client: Client, state: StateView) -> None:
    apply(state, (TANK, "37"))
    await seen(client, state)
    async with listening(client) as stream:
        assert stream.answer.headers["Content-Type"] == "text/event-stream"
        assert stream.answer.headers["Cache-Control"] == "no-store"
        assert stream.answer.headers["X-Accel-Buffering"] == "no"
        assert await stream.block() == {"retry": "2000"}
        everything = await stream.values()
        assert (len(everything), everything[TANK], everything[CLOCK]) == (337, "37", None)

        apply(state, (CLOCK, "1"), (CLOCK, "2"))
        assert await stream.values() == {CLOCK: "2"}


async def test_what_changes_while_a_client_takes_something_comes_at_once(
    client: Client, state: StateView, monkeypatch: pytest.MonkeyPatch
) -> None:
    broadcast, send = broadcast_of(client), listener.Listener.send

    async def sent_slowly(self: listener.Listener, data: bytes) -> bool:
        if b'"value":"37"' in data:
            apply(state, (TANK, "38"))
            broadcast.renew()
        return await send(self, data)

    monkeypatch.setattr(listener.Listener, "send", sent_slowly)
    async with listening(client, f"item={TANK}") as stream, asyncio.timeout(10):
        apply(state, (TANK, "37"))
        while await stream.values() != {TANK: "38"}:
            pass


async def test_only_the_items_that_are_asked_for_come(client: Client, state: StateView) -> None:
    async with listening(client, f"item={TANK}&item={CLOCK}&item={TANK}") as stream:
        assert list(await stream.values()) == [TANK, CLOCK]
        apply(state, ("USLAB000058", "745"))
        await seen(client, state)
        apply(state, (TANK, "38"))
        assert await stream.values() == {TANK: "38"}


async def test_who_comes_back_gets_what_changed_since(client: Client, state: StateView) -> None:
    apply(state, (TANK, "37"), (CLOCK, "1"))
    await seen(client, state)
    async with listening(client) as stream:
        last = (await stream.event("items")).identifier
    assert last == f"{state.replica.name}.simulated-2"
    apply(state, (CLOCK, "2"), ("USLAB000058", "745"))
    await seen(client, state)

    async with listening(client, last_id=last) as stream:
        assert await stream.values() == {"USLAB000058": "745", CLOCK: "2"}
    async with listening(client, f"item={TANK}&item={CLOCK}", last_id=last) as stream:
        assert await stream.values() == {CLOCK: "2"}


@pytest.mark.parametrize(
    "last", ["0123abcd-2", "{name}-99", "{name}-", "{name}--1", "{name}-x", "{name}-²", "-", "é", "9" * 5000]
)
async def test_an_id_that_says_nothing_here_gets_everything(
    client: Client, state: StateView, last: str
) -> None:
    async with listening(client, last_id=last.format(name=f"{state.replica.name}.simulated")) as stream:
        assert len(await stream.values()) == 337


async def test_the_status_comes_at_once_and_when_something_happens(client: Client, state: StateView) -> None:
    async with listening(client) as stream:
        first = await stream.event("status")
        assert (first.data["silent"]["who"], first.identifier) == ("unknown", "")

        apply(state, (CLOCK, "1"))
        state.ready = True
        await until(lambda: broadcast_of(client).channel("simulated").status_number > 1)
        second = (await stream.event("status")).data
        while second["silent"]["who"] == "unknown":
            second = (await stream.event("status")).data
        assert (second["silent"]["who"], second["signal"]["state"]) == ("nobody", "AOS")
        assert sorted(second["parts"]) == ["agents", "archive", "database", "feed", "kafka"]


async def test_the_status_is_the_heartbeat(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.sse.broadcast.HEARTBEAT_SECONDS", 0.0)
    async with listening(client) as stream:
        told = [(await stream.event("status")).data["parts"] for _ in range(3)]

    assert told == [told[0]] * 3, "nothing has changed"


async def test_something_comes_every_second_though_nothing_changes(client: Client) -> None:
    async with listening(client) as stream:
        told = [(await stream.event("heartbeat")).data["now"] for _ in range(2)]

    first, second = map(datetime.fromisoformat, told)
    assert second - first >= timedelta(seconds=BEAT_SECONDS)


async def test_a_stream_of_tests_has_them_alone_and_that_of_the_feed_has_none(
    client: Client, state: StateView
) -> None:
    apply(state, (TANK, "37"))
    await seen(client, state)
    async with listening(client) as feed, listening(client, "source=test") as tests:
        assert ((await feed.values())[TANK], (await tests.values())[TANK]) == ("37", None)
        use = ChangelogRecord(EVENTS.name, None, encode(urination("a1", source="test")))
        state.replica.apply([last_seen(reading_of(TANK, "99", source="test")), use])
        apply(state, (TANK, "38"))

        assert [each["event_id"] for each in (await tests.event("uses")).data["uses"]] == ["a1"]
        assert await tests.values() == {TANK: "99"}
        assert await feed.values() == {TANK: "38"}


async def test_a_use_is_told(client: Client, state: StateView) -> None:
    async with listening(client) as stream:
        assert (await stream.event("uses")).data == {"uses": []}
        state.replica.apply([ChangelogRecord(EVENTS.name, None, encode(urination("a1", source="simulated")))])
        (use,) = (await stream.event("uses")).data["uses"]
        assert (use["event_id"], use["level_after"], use["decision"]) == ("a1", 45.0, None)


async def test_head_answers_at_once(client: Client) -> None:
    answer = await client.head("/api/v1/stream")

    assert (answer.status, answer.headers["Content-Type"], await answer.read()) == (
        200,
        "text/event-stream",
        b"",
    )


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("item=NODE9", "an item of the catalogue; GET /api/v1/items lists them"),
        ("&".join(["item=NODE3000005"] * 101), "at most 100 values"),
        ("items=NODE3000005", "one of the names item, source"),
    ],
)
async def test_a_wrong_question_is_named(client: Client, query: str, expected: str) -> None:
    answer = await client.get(f"/api/v1/stream?{query}")

    assert (answer.status, (await answer.json())["expected"]) == (400, expected)
