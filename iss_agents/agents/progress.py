"""How far the agents are: consumer lag, and whether their Tables are ready."""

from typing import TYPE_CHECKING

from faust.types import TP
from mode import Service

from iss_agents.metrics import CONSUMER_LAG
from iss_agents.topics import EVENTS, RAW, WATER

if TYPE_CHECKING:
    from iss_agents.application import Application

LOOK_SECONDS = 1.0
READ_BY_AGENTS = {RAW.name, WATER.name, EVENTS.name}


class Progress(Service):
    """Looks once a second, so that nothing is counted per message."""

    def __init__(self, app: "Application") -> None:
        super().__init__()
        self._app = app
        self._lagging: set[TP] = set()

    @Service.task
    async def _look(self) -> None:
        while not self.should_stop:
            self._report_health()
            self._report_lag()
            await self.sleep(LOOK_SECONDS)

    def _report_health(self) -> None:
        if self._app.rebalancing or self._app.in_recovery:
            self._app.parts.health.bad("agents", "the Tables are being restored from their changelogs")
        else:
            self._app.parts.health.good("agents", f"{len(self._partitions())} partitions assigned")

    def _report_lag(self) -> None:
        partitions = self._partitions()
        for tp in self._lagging - partitions:
            CONSUMER_LAG.remove(self._app.conf.id, tp.topic, str(tp.partition))
        for tp in partitions:
            lag = self._app.consumer.lag(tp)  # type: ignore[attr-defined]
            CONSUMER_LAG.labels(self._app.conf.id, tp.topic, str(tp.partition)).set(lag)
        self._lagging = partitions

    def _partitions(self) -> set[TP]:
        return {tp for tp in self._app.consumer.assignment() if tp.topic in READ_BY_AGENTS}
