"""Table `tank_levels`: the state of the urine tank's detector."""

import msgspec

from iss_agents.application import app
from iss_agents.detection.state import State
from iss_agents.streaming.tables import newest_table
from iss_agents.telemetry.records import Sequence
from iss_agents.telemetry.topics import TANK_LEVELS_CHANGELOG


class Detected(msgspec.Struct):
    """The fields of a value besides its version."""

    sequence: Sequence
    state: State


# "NODE3000005", and "test" for test readings -> {"sequence": that of the newest reading included,
# "state": detection.state.State, and the version's "offset" in water.readings.v1 and "generation"}
tank_levels = newest_table(
    app,
    "tank_levels",
    TANK_LEVELS_CHANGELOG,
    "The state of the urine tank's detector: recent levels, processor, signal, a rise in progress.",
    Detected,
)
