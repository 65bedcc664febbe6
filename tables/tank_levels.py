"""What the urine tank's level, processor and signal last were."""

from iss_agents.application import app
from iss_agents.topics import TANK_LEVELS_CHANGELOG

# item id -> {"sequence", "event_ids": those seen at that sequence, "reading"}
tank_levels = app.Table(
    "tank_levels",
    partitions=TANK_LEVELS_CHANGELOG.partitions,
    help="The newest believed level of the urine tank, with its processor's state and the signal.",
)
