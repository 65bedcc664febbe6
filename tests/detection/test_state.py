"""What the detector remembers stays small, and a reading counts once."""

from iss_agents.detection.detector import detect
from iss_agents.detection.state import State
from iss_agents.telemetry.catalog import TANK_ITEM
from iss_agents.telemetry.ordering import MOST_IDS
from tests.detection.factory import tank

VALUES = 1_000


def test_one_time_stamp_that_repeats_with_new_values_does_not_let_the_state_grow() -> None:
    state = State()
    for number in range(VALUES):
        state, _ = detect(state, tank(1, 20 + number / VALUES))

    position = state.positions[TANK_ITEM]
    assert len(position.event_ids) == MOST_IDS
    assert detect(state, tank(1, 20 + (VALUES - 1) / VALUES))[0] is state
