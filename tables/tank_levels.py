"""What the detector of the urine tank knows."""

from iss_agents.application import app
from iss_agents.topics import TANK_LEVELS_CHANGELOG

# "NODE3000005" -> {"sequence": that of the newest reading included, "state": detection.state.State}
tank_levels = app.Table(
    "tank_levels",
    partitions=TANK_LEVELS_CHANGELOG.partitions,
    help="What the detector of the urine tank knows: recent levels, processor, signal, a rise under way.",
)
