"""Station model: which source plays which items."""

from datetime import datetime, timedelta

from iss_agents.simulator import playback
from iss_agents.simulator.synthetic import Synthetic
from iss_agents.simulator.tank import Tank
from iss_agents.simulator.updates import Source, Update, signal, year
from iss_agents.telemetry.catalog import TANK_ITEMS, YEAR_ITEM

SECOND = timedelta(seconds=1)


class ClockSource:
    """TIME_000001, which carries the signal's state, and TIME_000002, the year."""

    def __init__(self) -> None:
        self._next: datetime | None = None

    def due(self, now: datetime) -> list[Update]:
        self._next = self._next or now.replace(microsecond=0)
        updates: list[Update] = []
        while self._next <= now:
            updates += [signal(self._next), year(self._next)]
            self._next += SECOND
        return updates


def station_model(rate: float, seed: int = 0) -> list[Source]:
    """Return sources that play every catalogue item once, `rate` synthetic updates per second among them."""
    recorded = {row.item_id for row in playback.rows()}
    others = Synthetic(rate, played_elsewhere=recorded | TANK_ITEMS | {YEAR_ITEM}, seed=seed)
    return [ClockSource(), playback.Playback(), Tank(seed), others]
