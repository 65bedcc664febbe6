"""How far the agents are: consumer lag, whether their Tables are ready, and where they stand."""

from typing import TYPE_CHECKING, cast

from faust.types import TP
from mode import Service

from iss_agents.lag import LagReport, Standing
from iss_agents.offsets import Behind
from iss_agents.topics import EVENTS, RAW, WATER
from iss_agents.watchdog import ANNOUNCE_PATIENCE, PATIENCE, Patience, Stalls

if TYPE_CHECKING:
    from faust.tables.manager import TableManager

    from iss_agents.application import Application

LOOK_SECONDS = 1.0

READ_BY_AGENTS = (RAW, WATER, EVENTS)
NAMES = {topic.name for topic in READ_BY_AGENTS}


class Progress(Service):
    """Looks once a second, so that nothing is counted per message."""

    def __init__(self, app: "Application") -> None:
        super().__init__()
        self._app = app
        self._lag = LagReport(app.conf.id)

    def stalls(self, behind: Behind) -> Stalls:
        """Say where the agents stand, for the watchdog."""
        if not self.started:
            return self._boot_stalls()
        if not self._ready():
            return {f"the agents wait for their Tables ({self._restored()} changes read)": PATIENCE}
        failures = f"{self._app.outputs.failures} attempts to write failed"
        return {
            f"{tp.topic} {tp.partition} stays at {behind[tp]} ({failures})": _patience(tp)
            for tp in self._partitions()
            if tp in behind
        }

    def _boot_stalls(self) -> Stalls:
        kafka = self._app.parts.health.parts.get("kafka")
        if kafka and not kafka.ok:
            return {}  # a topic that cannot be mended, for one: it waits for a person
        return {f"the agents do not start ({self._restored()} changes read)": PATIENCE}

    def _restored(self) -> int:
        return sum(cast("TableManager", self._app.tables).recovery.active_offsets.values())

    @Service.task
    async def _look(self) -> None:
        while not self.should_stop:
            self._report_health()
            self._report_lag()
            await self.sleep(LOOK_SECONDS)

    def _report_health(self) -> None:
        health = self._app.parts.health
        if self._ready():
            health.good("agents", f"{len(self._partitions())} partitions assigned")
        else:
            health.bad("agents", "the Tables are being restored from their changelogs")

    def _ready(self) -> bool:
        # Between its start and its first rebalance Faust neither rebalances nor recovers, and has nothing yet.
        app = self._app
        return app.rebalancing_count > 0 and not (app.rebalancing or app.in_recovery)

    def _report_lag(self) -> None:
        # Before that the committed offsets are not known, and the lag would be that of the whole topic.
        if not self._ready():
            return
        lists = self._app.lists
        self._lag.report({tp: Standing(lists.lag(tp), lists.committed(tp)) for tp in self._partitions()})

    def _partitions(self) -> set[TP]:
        return {tp for tp in self._app.consumer.assignment() if tp.topic in NAMES}


def _patience(tp: TP) -> Patience:
    return ANNOUNCE_PATIENCE if tp.topic == EVENTS.name else PATIENCE
