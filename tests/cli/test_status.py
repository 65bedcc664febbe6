"""`iss-agents status`: one screen."""

import asyncio
import io
import json
import signal
from typing import Any

import msgspec
import pytest
from aiohttp.web import Request, StreamResponse, json_response

from iss_agents.cli.replies import Status
from iss_agents.cli.status import LiveStatus
from iss_agents.runtime.console import PrintableConsole
from tests.cli.double import event, serving, stamp
from tests.cli.running import ended, run, start

USE = {
    "event_id": "a",
    "start": stamp(-700),
    "end": stamp(-660),
    "level_before": 31.0,
    "level_after": 36.2,
    "delta_percent": 5.2,
    "text": "One small step\n\nto the toilet",
    "decision": "dry_run",
}
STATUS: dict[str, Any] = {
    "now": stamp(0),
    "complete": True,
    "signal": {"state": "AOS", "source_ts": stamp(-6), "age_seconds": 6.2},
    "silent": {"who": "nobody", "since": None, "sentence": "Everything speaks."},
    "newest": {"item_id": "NODE3000004", "name": "Urine Processor State", "age_seconds": 0.4},
    "items": {"measured": 329, "known": 337},
    "tank": {
        "level": 50.0,
        "unit": "%",
        "state": "filling",
        "processor": "NORMAL",
        "age_seconds": 130.0,
        "last_use": USE,
        "minutes_since_last_use": 11.0,
    },
    "parts": {
        "archive": {"ok": False, "detail": "MongoDB does not answer", "since": stamp(-60)},
        "feed": {"ok": True, "detail": "connected", "since": stamp(-60)},
        "kafka": {"ok": True, "detail": "answers", "since": stamp(-60)},
    },
}
NOTHING: dict[str, Any] = {
    **STATUS,
    "complete": False,
    "signal": {"state": "UNKNOWN", "source_ts": None, "age_seconds": None},
    "silent": {"who": "station", "since": stamp(-86_400), "sentence": "No signal since yesterday."},
    "newest": None,
    "items": {"measured": 0, "known": 337},
    "tank": {
        "level": None,
        "unit": "%",
        "state": "unknown",
        "processor": None,
        "age_seconds": None,
        "last_use": None,
        "minutes_since_last_use": None,
    },
    "parts": {},
}


async def shown(document: dict[str, Any], *options: str) -> str:
    async def answer(_request: Request) -> StreamResponse:
        return json_response(document)

    async with serving(status=answer) as url:
        ran = await run(url, "status", *options)
    assert (ran.said, ran.error) == ("", None)
    return ran.output


async def test_everything_is_on_one_screen() -> None:
    assert (
        await shown(STATUS)
        == f"""\
signal    in contact (AOS), the station's clock is 6 s old
readings  Everything speaks.
newest    NODE3000004 Urine Processor State, measured 0 s ago
items     329 of 337 measured
tank      {"█" * 15}{"░" * 15} 50 % filling, processor NORMAL, measured 2 min ago
last use  2026-08-11 11:48:20 UTC, 11 min ago: +5.2 %, from 31 to 36.2 %
          One small step / to the toilet (not posted)
parts     feed, kafka: work
archive   MongoDB does not answer
"""
    )


async def test_nothing_is_claimed_before_something_is_known() -> None:
    assert (
        await shown(NOTHING)
        == """\
signal    unknown
readings  station: No signal since yesterday.
newest    nothing has come yet
items     0 of 337 measured; this worker is still reading what is known
tank      not known
"""
    )


@pytest.mark.parametrize(("source", "words"), [("simulated", "a simulated station"), ("test", "test readings")])
async def test_what_does_not_come_from_space_is_said_first(source: str, words: str) -> None:
    first, *_ = (await shown({**STATUS, "source": source})).splitlines()

    assert first.startswith(f"source    {words}")
    assert "source" not in await shown({**STATUS, "source": "isslive"})


@pytest.mark.parametrize(("state", "words"), [("draining", "being emptied"), ("unknown", "trend not known")])
async def test_the_tank_is_described_plainly(state: str, words: str) -> None:
    assert f"50 % {words}, processor" in await shown({**STATUS, "tank": {**STATUS["tank"], "state": state}})


async def test_programs_get_the_document_as_it_is() -> None:
    assert json.loads(await shown(STATUS, "--json")) == STATUS


def test_a_watched_status_ages_and_says_that_the_connection_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = 1000.0
    monkeypatch.setattr("iss_agents.cli.status.monotonic", lambda: clock)
    live_status = LiveStatus()
    waiting = text_of(live_status)
    live_status.update(msgspec.convert(STATUS, Status))
    clock = 1020.0
    live_status.connection_lost()
    lost = text_of(live_status)
    live_status.connection_restored()

    assert waiting == "waiting for the first status …\n"
    assert "in contact (AOS), the station's clock is 26 s old" in lost
    assert "connection  lost since" in lost
    assert "connection" not in text_of(live_status)


async def test_a_watch_ends_quietly() -> None:
    ending = asyncio.Event()

    async def answer(request: Request) -> StreamResponse:
        response = StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(event("status", STATUS))
        await ending.wait()
        return response

    async with serving(stream=answer) as url:
        process = await start(url, "status", "--watch", "--json")
        assert process.stdout
        line = await process.stdout.readline()
        process.send_signal(signal.SIGINT)
        end = await ended(process)
        ending.set()

    assert json.loads(line) == STATUS
    assert end == (0, "", "")


def text_of(live_status: LiveStatus) -> str:
    output = io.StringIO()
    PrintableConsole(file=output, width=100).print(live_status.screen())
    return output.getvalue()
