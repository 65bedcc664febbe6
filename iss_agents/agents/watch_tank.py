"""Keep what the urine tank's level, processor and signal last were."""

from typing import Any

from faust.types import StreamT

from iss_agents.agents.intake import readings_of
from iss_agents.agents.newer import fold
from iss_agents.application import app
from iss_agents.topics import WATER
from tables.tank_levels import tank_levels

water_topic = app.topic(WATER.name, value_serializer="raw", partitions=WATER.partitions)


@app.agent(water_topic, name="watch_tank")
async def watch_tank(batches: StreamT[Any]) -> None:
    """Keep the newest level, processor state and signal in `tank_levels`; one event is one list of records."""
    async for event in batches.events():
        app.guard.check()
        readings = await readings_of(event.value, app.outputs)
        for item_id, seen in fold(readings, tank_levels).changed.items():
            tank_levels[item_id] = seen
