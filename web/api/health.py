"""Health checks: liveness, readiness, and the health of every component.

They serve different decisions: whether to restart a process, whether to route requests to it, and whether to
alert an operator. The silence of the public feed concerns the operator only.
"""

from http import HTTPStatus
from typing import Any, ClassVar, Literal

import msgspec
from aiohttp.web import Request
from faust.web import Blueprint, Response
from typing_extensions import TypedDict

from iss_agents.config.settings import Role, Settings
from iss_agents.feed.station_time import PART as CLOCK
from iss_agents.kafka.topic_monitor import PART as TOPICS
from iss_agents.runtime.health import NOTHING_YET, Health
from iss_agents.telemetry.station_clock import rfc3339
from iss_agents.watchdogs.stalls import PART as WATCHDOG
from web.base.context import WorkerContext
from web.base.view import Time, WorkerView, context_of
from web.edge.auth import may_read

blueprint = Blueprint("health")

PARTS_OF_ROLE: dict[Role, set[str]] = {
    "feed": {"feed", "kafka"},
    "agents": {"agents", "kafka"},
    "archive": {"archive", "database", "kafka"},
    "web": {"kafka"},
}


class ComponentHealth(msgspec.Struct):
    """Health of a component. `since` is None if it was probed just now or has not reported yet."""

    ok: bool
    detail: str
    since: str | None = None


class PartDocument(TypedDict):
    """Health of a component of this worker."""

    ok: bool
    """Whether it works."""
    detail: str
    """What it does, or why it is down; empty for clients that may not read."""
    since: Time | None
    """Since when it is up or down; null if it was probed just now or has not reported, or like detail."""


class HealthReply(TypedDict):
    """Whether this worker works."""

    status: Literal["ok", "failing"]
    """ok while every component that this worker's roles need is up."""
    parts: dict[str, PartDocument]
    """Name -> part."""


class LiveReply(TypedDict):
    """That this process runs."""

    status: Literal["ok"]
    """ok: its event loop runs."""


class ReadyReply(TypedDict):
    """Whether this worker is ready for requests."""

    status: Literal["ok", "starting", "stopping"]
    """ok from when it has started completely until it stops, even if something fails meanwhile."""
    waits_for: list[str]
    """What has not started: state (what Kafka holds is still being read), agents, archive, feed."""


@blueprint.route("/livez", name="live")
class LiveView(WorkerView):
    """200 while this process runs; a stuck process exits by itself."""

    reply: ClassVar[Any] = LiveReply

    async def get(self, request: Request) -> Response:  # noqa: ARG002 - Faust's signature
        reply: LiveReply = {"status": "ok"}
        return self.answer(reply)


@blueprint.route("/readyz", name="ready")
class ReadyView(WorkerView):
    """200 from when this worker has started completely until it stops, otherwise 503."""

    reply: ClassVar[Any] = ReadyReply

    async def get(self, request: Request) -> Response:
        context = context_of(request)
        waits_for = not_started(context)
        status = "stopping" if context.health.is_stopping else "starting" if waits_for else "ok"
        reply = {"status": status, "waits_for": waits_for}
        return self.answer(reply, HTTPStatus.OK if status == "ok" else HTTPStatus.SERVICE_UNAVAILABLE)


def not_started(context: WorkerContext) -> list[str]:
    """Return what a worker of these roles still waits for, sorted.

    The agents have started when their Tables are restored; the feed and the archive with their first report:
    what they wait for is outside this worker, and its page explains that better than an unreachable one.
    """
    health, needed = context.health, expected(context.settings)
    waiting = (needed & {"archive", "feed"}) - health.parts.keys()
    waiting |= (needed & {"agents"}) - health.worked
    if context.state and not context.state.ready:
        waiting.add("state")
    return sorted(waiting)


@blueprint.route("/healthz", name="health")
class HealthView(WorkerView):
    """200 while every component that this worker's roles need is up, otherwise 503."""

    reply: ClassVar[Any] = HealthReply

    async def get(self, request: Request) -> Response:
        parts = await check_components(context_of(request))
        # A post rejected by X is reported, but does not make the worker unhealthy.
        needed = expected(context_of(request).settings) | {WATCHDOG, TOPICS, CLOCK}
        good = all(part.ok for name, part in parts.items() if name in needed)
        # Details contain addresses and errors, which are for readers only.
        shown = (
            parts if may_read(request) else {name: ComponentHealth(part.ok, "") for name, part in parts.items()}
        )
        reply: HealthReply = {"status": "ok" if good else "failing", "parts": part_documents(shown)}
        return self.answer(reply, HTTPStatus.OK if good else HTTPStatus.SERVICE_UNAVAILABLE)


async def check_components(context: WorkerContext) -> dict[str, ComponentHealth]:
    """Return the health of each component that this worker should have or that has reported."""
    names = sorted(expected(context.settings) | context.health.parts.keys())
    return {name: _reported(context.health, name) for name in names} | {"kafka": await _kafka(context)}


def part_documents(parts: dict[str, ComponentHealth]) -> dict[str, PartDocument]:
    """Return what a client reads of the parts."""
    return {name: {"ok": part.ok, "detail": part.detail, "since": part.since} for name, part in parts.items()}


def expected(settings: Settings) -> set[str]:
    """Return the names of the parts that a worker with these settings needs."""
    roles = settings.roles - {"feed"} if settings.feed == "off" else settings.roles
    return {part for role in roles for part in PARTS_OF_ROLE[role]}


def _reported(health: Health, name: str) -> ComponentHealth:
    part = health.parts.get(name)
    if part is None:
        return ComponentHealth(ok=False, detail=NOTHING_YET)
    return ComponentHealth(part.ok, part.detail, rfc3339(part.since))


async def _kafka(context: WorkerContext) -> ComponentHealth:
    # An idle publisher does not notice that Kafka is unreachable, so the state view probes it.
    reported = _reported(context.health, "kafka")
    said_bad = "kafka" in context.health.parts and not reported.ok
    if context.state is None or said_bad:
        return reported
    if not await context.state.reaches_kafka():
        return ComponentHealth(ok=False, detail="Kafka does not answer")
    return reported if reported.ok else ComponentHealth(ok=True, detail="Kafka answers")
