"""Startup order of a worker: first the services that must work without Kafka, then those that need it."""

import asyncio
import logging
import signal
import sys
from collections.abc import Iterable, Iterator

import faust
from faust.app.base import BootStrategy
from faust.types import ServiceT
from mode import Service

from iss_agents.errors import UserError
from iss_agents.kafka.group_monitor import GroupMonitor
from iss_agents.kafka.topic_admin import wait_for_kafka
from iss_agents.kafka.topic_monitor import TopicMonitor
from iss_agents.runtime.ports import bind_error
from iss_agents.streaming.app import StreamingApp
from iss_agents.watchdogs.event_loop import EventLoopWatchdog
from iss_agents.watchdogs.stalls import Watchdog
from web.base.context import WorkerContext

logger = logging.getLogger(__name__)

CHECK_SECONDS = 5.0


class Boot(BootStrategy):
    """Starts feed, archive and web first; Faust's own services wait for Kafka and its topics.

    By default a Faust worker exits if Kafka is unreachable, and starts an app's services after Table recovery.
    """

    app: StreamingApp

    def server(self) -> Iterable[ServiceT]:
        """Return the services of a worker with agents."""
        # A role's code loads with the role.
        from iss_agents.streaming.progress import Progress  # noqa: PLC0415
        from iss_agents.streaming.reconciler import Reconciler  # noqa: PLC0415

        # Faust's statistics, which nobody reads, take 3 % of the processor time. Without a sensor it warns.
        self.app.sensors.remove(self.app.monitor)
        self.app.sensors.add(faust.Sensor())
        progress, monitor = Progress(self.app), self._monitor()
        monitor.add(progress)
        return self._chain(
            self._independent(monitor),
            [self.app.outputs, self.app.fence],
            super().server(),
            [progress, Reconciler(self.app)],
        )

    def producer_only(self) -> Iterable[ServiceT]:
        """Return the services of a worker without agents: it joins no group of Faust and has no Tables."""
        return self._independent(self._monitor())

    def web_server(self) -> Iterable[ServiceT]:
        """Return nothing: the web server is one of the services that do not wait for Kafka."""
        return []

    def _monitor(self) -> GroupMonitor:
        return GroupMonitor(self.app.settings, Watchdog(self.app.health))

    def _independent(self, monitor: GroupMonitor) -> Iterator[ServiceT]:
        context = WorkerContext(self.app.settings, self.app.health)
        roles = context.settings.roles
        yield EventLoopWatchdog()
        if roles & {"feed", "web"}:
            yield _publisher(context)
        if "feed" in roles:
            yield _feed(context)
            yield Drain(context)
            self.app.stopped_first = [part for part in (context.feed, context.publisher) if part]
        if "archive" in roles:
            yield _archive(context, monitor)
            yield _summariser(context)
        if "web" in roles:
            yield from self._web(context)
        yield KafkaReady(context)
        yield TopicMonitor(context.settings, context.health)
        yield monitor

    def _web(self, context: WorkerContext) -> Iterator[ServiceT]:
        from iss_agents.archive.queries.history import History  # noqa: PLC0415 - a role's libraries load with the role
        from iss_agents.state_view.service import StateView  # noqa: PLC0415
        from web.routes import mount  # noqa: PLC0415

        require_free_port(context.settings.web_host, context.settings.web_port)
        context.state = StateView(context.settings)
        context.history = History(context.settings)
        mount(self.app, context)
        yield Disconnect(context)
        yield context.state
        yield from self.web_components()
        yield self.app.web


def _publisher(context: WorkerContext) -> ServiceT:
    from iss_agents.feed.publisher import Publisher  # noqa: PLC0415

    context.publisher = Publisher(context.settings, context.health)
    return context.publisher


def _feed(context: WorkerContext) -> ServiceT:
    from iss_agents.feed.service import Feed  # noqa: PLC0415

    assert context.publisher  # noqa: S101 - made before the feed
    context.feed = Feed(context.settings, context.health, context.publisher)
    return context.feed


def _archive(context: WorkerContext, monitor: GroupMonitor) -> ServiceT:
    from iss_agents.archive.service import Archive  # noqa: PLC0415

    archive = Archive(context.settings, context.health)
    monitor.add(archive)
    return archive


def _summariser(context: WorkerContext) -> ServiceT:
    from iss_agents.archive.rollups.job import RollupJob  # noqa: PLC0415

    return RollupJob(context.settings)


class KafkaReady(Service):
    """Readiness gate: services after it start when Kafka answers and all topics are provisioned."""

    def __init__(self, context: WorkerContext) -> None:
        super().__init__()
        self._context = context

    async def on_start(self) -> None:
        """Wait for Kafka, and for the operator if a topic cannot be corrected."""
        while not self.should_stop:
            try:
                await wait_for_kafka(self._context.settings, self._context.health)
            except UserError as error:
                self._context.health.down("kafka", str(error))
                await asyncio.sleep(CHECK_SECONDS)
            else:
                return


class Drain(Service):
    """Graceful drain: on SIGUSR1 the feed stops for good and flushes all records; everything else continues."""

    def __init__(self, context: WorkerContext) -> None:
        super().__init__()
        self._context = context

    async def on_start(self) -> None:
        """Replace Faust's handler of the signal, which prints the stack of every task."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, self._begin)

    def _begin(self) -> None:
        assert self._context.feed  # noqa: S101 - made before this
        self.add_future(self._context.feed.drain())


class Disconnect(Service):
    """Closes the connection of the history when the web server has stopped."""

    def __init__(self, context: WorkerContext) -> None:
        super().__init__()
        self._context = context

    async def on_stop(self) -> None:
        """Close the connection, if a query has opened it."""
        if self._context.history:
            self._context.history.close()


def require_free_port(host: str, port: int) -> None:
    """Exit with one sentence, before anything starts, if the port of the web server is taken."""
    if error := bind_error(host, port):
        sys.exit(f"iss-agents: {host}:{port} cannot be used ({error.strerror}): set ISS_WEB_PORT.")
