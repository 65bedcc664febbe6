"""The whole simulated station: which source plays which items."""

from iss_agents.catalog import TANK_ITEMS
from iss_agents.simulator import playback
from iss_agents.simulator.clock_source import ClockSource
from iss_agents.simulator.synthetic import Synthetic
from iss_agents.simulator.tank import Tank
from iss_agents.simulator.updates import YEAR_ITEM, Source


def station_model(rate: float, seed: int = 0) -> list[Source]:
    """Return sources that play every catalogue item once, `rate` synthetic updates per second among them."""
    recorded = {row.item_id for row in playback.rows()}
    others = Synthetic(rate, played_elsewhere=recorded | TANK_ITEMS | {YEAR_ITEM}, seed=seed)
    return [ClockSource(), playback.Playback(), Tank(seed), others]
