"""How far the agents are: consumer lag, and whether their Tables are ready."""

from time import monotonic
from typing import TYPE_CHECKING

from faust.types import TP
from mode import Service

from iss_agents.metrics import CONSUMER_LAG
from iss_agents.topics import EVENTS, RAW, WATER

if TYPE_CHECKING:
    from iss_agents.application import Application

LOOK_SECONDS = 1.0
STUCK_SECONDS = 20.0
"""A partition with lag whose commit does not move for so long is stuck: a list takes milliseconds."""

READ_BY_AGENTS = {RAW.name, WATER.name, EVENTS.name}


class Progress(Service):
    """Looks once a second, so that nothing is counted per message."""

    def __init__(self, app: "Application") -> None:
        super().__init__()
        self._app = app
        self._reported: set[TP] = set()
        self._moved: dict[TP, tuple[int, float]] = {}

    @Service.task
    async def _look(self) -> None:
        while not self.should_stop:
            self._report_health()
            self._report_lag()
            await self.sleep(LOOK_SECONDS)

    def _report_health(self) -> None:
        health = self._app.parts.health
        if self._app.rebalancing or self._app.in_recovery:
            health.bad("agents", "the Tables are being restored from their changelogs")
        elif stuck := self._stuck(monotonic()):
            names = ", ".join(f"{tp.topic} {tp.partition}" for tp in sorted(stuck))
            health.bad("agents", f"no progress for {STUCK_SECONDS:.0f} s on {names}; the log says why")
        else:
            health.good("agents", f"{len(self._partitions())} partitions assigned")

    def _stuck(self, now: float) -> list[TP]:
        stuck = []
        for tp in self._partitions():
            if tp.topic == EVENTS.name:
                continue  # `announce` may wait for minutes, and says so itself
            committed = self._app.lists.committed(tp)
            at, since = self._moved.get(tp, (-1, now))
            if committed != at or not self._app.lists.lag(tp):
                self._moved[tp] = (committed, now)
            elif now - since > STUCK_SECONDS:
                stuck.append(tp)
        return stuck

    def _report_lag(self) -> None:
        partitions = self._partitions()
        for tp in self._reported - partitions:
            CONSUMER_LAG.remove(self._app.conf.id, tp.topic, str(tp.partition))
        for tp in partitions:
            lag = self._app.lists.lag(tp)
            CONSUMER_LAG.labels(self._app.conf.id, tp.topic, str(tp.partition)).set(lag)
        self._reported = partitions

    def _partitions(self) -> set[TP]:
        return {tp for tp in self._app.consumer.assignment() if tp.topic in READ_BY_AGENTS}
