"""In which order a worker starts: first what must work while Kafka is away, then what needs it."""

import asyncio
import logging
import signal
import socket
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from faust.app.base import BootStrategy
from faust.types import ServiceT
from mode import Service

from iss_agents.errors import UserError
from iss_agents.loop_watch import LoopWatch
from iss_agents.parts import Parts
from iss_agents.topic_check import wait_for_kafka
from iss_agents.topic_watch import TopicWatch
from iss_agents.watchdog import Watchdog, Watched

if TYPE_CHECKING:
    from iss_agents.application import Application

logger = logging.getLogger(__name__)

CHECK_SECONDS = 5.0


class Boot(BootStrategy):
    """Feed with its spool, archive and web come first; Faust's own services wait for Kafka and its topics.

    A Faust worker as it is exits when Kafka is away, and starts an app's services only after Table recovery.
    """

    app: "Application"

    def server(self) -> Iterable[ServiceT]:
        """Return the services of a worker with agents."""
        # A role's code loads with the role.
        from iss_agents.agents.progress import READ_BY_AGENTS, Progress  # noqa: PLC0415

        progress, watchdog = Progress(self.app), self._watchdog()
        watchdog.watch(Watched(self.app.conf.id, READ_BY_AGENTS, progress.stalls))
        return self._chain(
            self._independent(watchdog),
            [self.app.outputs, self.app.guard],
            super().server(),
            [progress],
        )

    def producer_only(self) -> Iterable[ServiceT]:
        """Return the services of a worker without agents: it joins no Faust group and keeps no Tables."""
        return self._independent(self._watchdog())

    def web_server(self) -> Iterable[ServiceT]:
        """Return nothing: the web server is among the services that do not wait for Kafka."""
        return []

    def _watchdog(self) -> Watchdog:
        return Watchdog(self.app.parts.settings, self.app.parts.health)

    def _independent(self, watchdog: Watchdog) -> Iterator[ServiceT]:
        parts = self.app.parts
        roles = parts.settings.roles
        yield LoopWatch()
        if roles & {"feed", "web"}:
            yield _publisher(parts)
        if "feed" in roles:
            yield _feed(parts)
            yield Drain(parts)
        if "archive" in roles:
            yield _archive(parts, watchdog)
            yield _summariser(parts)
        if "web" in roles:
            yield from self._web(parts)
        yield KafkaReady(parts)
        yield TopicWatch(parts.settings, parts.health)
        yield watchdog

    def _web(self, parts: Parts) -> Iterator[ServiceT]:
        from iss_agents.archive.queries import History  # noqa: PLC0415 - a role's libraries load with the role
        from web.blueprints import mount  # noqa: PLC0415
        from web.state import StateView  # noqa: PLC0415

        require_free_port(parts.settings.web_host, parts.settings.web_port)
        parts.state = StateView(parts.settings)
        parts.history = History(parts.settings)
        mount(self.app, parts)
        yield Disconnect(parts)
        yield parts.state
        yield from self.web_components()
        yield self.app.web


def _publisher(parts: Parts) -> ServiceT:
    from iss_agents.feed.publisher import Publisher  # noqa: PLC0415

    parts.publisher = Publisher(parts.settings, parts.health)
    return parts.publisher


def _feed(parts: Parts) -> ServiceT:
    from iss_agents.feed.service import Feed  # noqa: PLC0415

    assert parts.publisher  # noqa: S101 - made before the feed
    parts.feed = Feed(parts.settings, parts.health, parts.publisher)
    return parts.feed


def _archive(parts: Parts, watchdog: Watchdog) -> ServiceT:
    from iss_agents.archive.destinations import DESTINATIONS  # noqa: PLC0415
    from iss_agents.archive.intake import GROUP  # noqa: PLC0415
    from iss_agents.archive.service import Archive  # noqa: PLC0415

    archive = Archive(parts.settings, parts.health)
    topics = tuple(row.topic for row in DESTINATIONS.values())
    watchdog.watch(Watched(GROUP, topics, archive.stalls))
    return archive


def _summariser(parts: Parts) -> ServiceT:
    from iss_agents.archive.summariser import Summariser  # noqa: PLC0415

    return Summariser(parts.settings)


class KafkaReady(Service):
    """Starts when Kafka answers and every topic is what it must be; what follows it waits."""

    def __init__(self, parts: Parts) -> None:
        super().__init__()
        self._parts = parts

    async def on_start(self) -> None:
        """Wait for Kafka, and for an operator where a topic cannot be mended."""
        while not self.should_stop:
            try:
                await wait_for_kafka(self._parts.settings, self._parts.health)
            except UserError as error:
                self._parts.health.bad("kafka", str(error))
                await asyncio.sleep(CHECK_SECONDS)
            else:
                return


class Drain(Service):
    """On SIGUSR1 the feed stops for good and everything it received is flushed; the rest goes on."""

    def __init__(self, parts: Parts) -> None:
        super().__init__()
        self._parts = parts

    async def on_start(self) -> None:
        """Take the signal over from Faust, which would print every task's stack."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, self._begin)

    def _begin(self) -> None:
        assert self._parts.feed  # noqa: S101 - made before this
        self.add_future(self._parts.feed.drain())


class Disconnect(Service):
    """At the stop, once the web server is gone, the history's connection is closed."""

    def __init__(self, parts: Parts) -> None:
        super().__init__()
        self._parts = parts

    async def on_stop(self) -> None:
        """Close it; what no question has opened is not there to close."""
        if self._parts.history:
            self._parts.history.close()


def require_free_port(host: str, port: int) -> None:
    """Exit with one sentence, before anything has started, if the web server's port is taken."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            sys.exit(f"iss-agents: {host}:{port} cannot be used ({error.strerror}): set ISS_WEB_PORT.")
