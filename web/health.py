"""Whether this worker works, part by part."""

from http import HTTPStatus

import msgspec
from aiohttp.web import Request
from faust.web import Blueprint, Response

from iss_agents.health import Health
from iss_agents.parts import Parts
from iss_agents.settings import Role, Settings
from iss_agents.station_clock import rfc3339
from web.view import PartsView, parts_of

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


@blueprint.route("/healthz", name="health")
class HealthView(PartsView):
    """200 while every part that this worker's roles need works, otherwise 503."""

    async def get(self, request: Request) -> Response:
        parts = await judge(parts_of(request))
        # X refusing a post is said here, and no reason to take the worker for broken.
        needed = expected(parts_of(request).settings)
        good = all(part.ok for name, part in parts.items() if name in needed)
        document = {"status": "ok" if good else "failing", "parts": parts}
        return self.answer(document, HTTPStatus.OK if good else HTTPStatus.SERVICE_UNAVAILABLE)


async def judge(parts: Parts) -> dict[str, Judgement]:
    """Return the state of each part that this worker should have or that said how it is."""
    names = sorted(expected(parts.settings) | parts.health.parts.keys())
    return {name: _reported(parts.health, name) for name in names} | {"kafka": await _kafka(parts)}


def expected(settings: Settings) -> set[str]:
    """Return the names of the parts that a worker with these settings needs."""
    roles = settings.roles - {"feed"} if settings.feed == "off" else settings.roles
    return {part for role in roles for part in PARTS_OF_ROLE[role]}


def _reported(health: Health, name: str) -> Judgement:
    part = health.parts.get(name)
    if part is None:
        return Judgement(ok=False, detail="has not said anything yet")
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
