"""Errors reach Sentry where one is named, without repeats and secrets."""

import asyncio
import gzip
import logging
import sys
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
import sentry_sdk
from aiohttp.test_utils import TestServer
from aiohttp.web import Application, Request, Response

from iss_agents.config.settings import Settings
from iss_agents.errors import UserError
from iss_agents.runtime.log_throttle import BURST_LINES
from iss_agents.runtime.sentry import start_sentry

logger = logging.getLogger(__name__)


class Sink:
    """Stands in for Sentry: keeps the events of the envelopes that it is sent."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.dsn = ""

    async def take(self, request: Request) -> Response:
        body = await request.read()
        lines = (gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body).splitlines()
        parts: list[dict[str, Any]] = [msgspec.json.decode(line) for line in lines if line.startswith(b"{")]
        self.events += [part for part in parts if "platform" in part]
        return Response(text="{}", content_type="application/json")


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    sink, application = Sink(), Application()
    application.router.add_post("/api/1/envelope/", sink.take)
    async with TestServer(application) as server:
        sink.dsn = f"http://key@127.0.0.1:{server.port}/1"
        yield sink
        await asyncio.to_thread(sentry_sdk.get_client().close, 2)
        sentry_sdk.get_global_scope().set_client(None)


def settings(dsn: str | None) -> Settings:
    return Settings.model_validate({"sentry_dsn": dsn, "kafka_url": "127.0.0.1:1"})


async def test_an_error_reaches_sentry_without_values_and_warnings_do_not(sink: Sink) -> None:
    start_sentry(settings(sink.dsn))
    logger.warning("a warning")
    secret = "elpats yrettab"[::-1]
    try:
        int(secret[:0])
    except ValueError:
        logger.exception("event %s failed", "e1", extra={"event_id": "e1"})
    await asyncio.to_thread(sentry_sdk.flush, 5)

    (event,) = sink.events
    assert event["logentry"]["formatted" if "formatted" in event["logentry"] else "message"].startswith("event")
    assert event["extra"]["event_id"] == "e1"
    assert event["release"].startswith("iss-agents@")
    assert event["exception"]["values"][0]["type"] == "ValueError"
    assert "vars" not in event["exception"]["values"][0]["stacktrace"]["frames"][0]
    assert "battery staple" not in msgspec.json.encode(event).decode()


async def test_no_address_reaches_sentry_with_its_password(sink: Sink) -> None:
    start_sentry(settings(sink.dsn))
    error = OSError("no answer from https://user:hunter2@feed.example/")
    logger.error(
        "%s is away", "mongodb://iss:hunter2@db/", exc_info=error, extra={"part": "http://a:hunter2@b"}
    )
    await asyncio.to_thread(sentry_sdk.flush, 5)

    text = msgspec.json.encode(sink.events).decode()
    assert "hunter2" not in text
    assert text.count("***@") >= 3


async def test_repeats_are_not_sent(sink: Sink) -> None:
    start_sentry(settings(sink.dsn))
    for number in range(100):
        logger.error("trouble %s", number)
    await asyncio.to_thread(sentry_sdk.flush, 5)

    assert len(sink.events) == BURST_LINES


@pytest.mark.parametrize("dsn", [None, ""])
def test_without_an_address_nothing_starts(dsn: str | None) -> None:
    start_sentry(settings(dsn))

    assert not sentry_sdk.get_client().is_active()


@pytest.mark.parametrize("dsn", ["https://sentry.example/1", "secret", "ftp://key@sentry.example/1"])
def test_an_address_that_is_none_is_one_sentence_and_not_shown(dsn: str) -> None:
    with pytest.raises(UserError) as error:
        start_sentry(settings(dsn))

    assert str(error.value) == "ISS_SENTRY_DSN is not the DSN of a Sentry project (its value is not shown)."


def test_a_missing_extra_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "sentry_sdk"]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UserError) as error:
        start_sentry(settings("https://key@sentry.example/1"))

    assert str(error.value) == "ISS_SENTRY_DSN is set and sentry-sdk is missing: install iss-agents[sentry]."
