"""Whether this worker works, part by part."""

from http import HTTPStatus
from typing import Any, ClassVar, Literal

import msgspec
from aiohttp.web import Request
from faust.web import Blueprint, Response
from typing_extensions import TypedDict

from iss_agents.health import NOTHING_YET, Health
from iss_agents.parts import Parts
from iss_agents.settings import Role, Settings
from iss_agents.station_clock import rfc3339
from iss_agents.topic_watch import PART as TOPICS
from iss_agents.watchdog import PART as WATCHDOG
from web.view import PartsView, Time, parts_of

blueprint = Blueprint("health")

PARTS_OF_ROLE: dict[Role, set[str]] = {
    "feed": {"feed", "kafka"},
    "agents": {"agents", "kafka"},
    "archive": {"archive", "database", "kafka"},
    "web": {"kafka"},
}


class Judgement(msgspec.Struct):
    """What is known of a part now. `since` is None if it was asked just now or has not said anything."""

    ok: bool
    detail: str
    since: str | None = None


class PartDocument(TypedDict):
    """How a part of this worker is."""

    ok: bool
    """Whether it works."""
    detail: str
    """What it does, or why it does not work."""
    since: Time | None
    """Since when it works or does not; null if it was asked just now or has not said anything."""


class HealthReply(TypedDict):
    """Whether this worker works."""

    status: Literal["ok", "failing"]
    """ok while every part that this worker's roles need works."""
    parts: dict[str, PartDocument]
    """Name -> part."""


@blueprint.route("/healthz", name="health")
class HealthView(PartsView):
    """200 while every part that this worker's roles need works, otherwise 503."""

    reply: ClassVar[Any] = HealthReply

    async def get(self, request: Request) -> Response:
        parts = await judge(parts_of(request))
        # X refusing a post is said here, and no reason to take the worker for broken.
        needed = expected(parts_of(request).settings) | {WATCHDOG, TOPICS}
        good = all(part.ok for name, part in parts.items() if name in needed)
        reply: HealthReply = {"status": "ok" if good else "failing", "parts": part_documents(parts)}
        return self.answer(reply, HTTPStatus.OK if good else HTTPStatus.SERVICE_UNAVAILABLE)


async def judge(parts: Parts) -> dict[str, Judgement]:
    """Return the state of each part that this worker should have or that said how it is."""
    names = sorted(expected(parts.settings) | parts.health.parts.keys())
    return {name: _reported(parts.health, name) for name in names} | {"kafka": await _kafka(parts)}


def part_documents(parts: dict[str, Judgement]) -> dict[str, PartDocument]:
    """Return what a client reads of the parts."""
    return {name: {"ok": part.ok, "detail": part.detail, "since": part.since} for name, part in parts.items()}


def expected(settings: Settings) -> set[str]:
    """Return the names of the parts that a worker with these settings needs."""
    roles = settings.roles - {"feed"} if settings.feed == "off" else settings.roles
    return {part for role in roles for part in PARTS_OF_ROLE[role]}


def _reported(health: Health, name: str) -> Judgement:
    part = health.parts.get(name)
    if part is None:
        return Judgement(ok=False, detail=NOTHING_YET)
    return Judgement(part.ok, part.detail, rfc3339(part.since))


async def _kafka(parts: Parts) -> Judgement:
    # A publisher without traffic does not notice that Kafka went away, so the state view asks.
    reported = _reported(parts.health, "kafka")
    said_bad = "kafka" in parts.health.parts and not reported.ok
    if parts.state is None or said_bad:
        return reported
    if not await parts.state.reaches_kafka():
        return Judgement(ok=False, detail="Kafka does not answer")
    return reported if reported.ok else Judgement(ok=True, detail="Kafka answers")
