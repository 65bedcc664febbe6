"""A short soak: each fault of clocks, offsets, topics and spools once, and a standstill in a batch."""

from math import inf
from pathlib import Path
from random import Random

import pytest

from iss_agents.tools.soak.context import name_of
from iss_agents.tools.soak.faults import OF_STATE
from iss_agents.tools.soak.plot import draw
from iss_agents.tools.soak.process_faults import break_record, halt_in_batch
from iss_agents.tools.soak.run import soak

pytestmark = pytest.mark.long

SEED = 7
RATE = 70.0
"""Readings a second, as the station sends them: few, so that a busy machine catches up with them in seconds."""

PNG = b"\x89PNG"


@pytest.mark.timeout(900)
async def test_a_soak_with_each_fault_of_what_is_kept_costs_nothing(tmp_path: Path) -> None:
    faults = [break_record, halt_in_batch, *OF_STATE]
    Random(SEED).shuffle(faults)
    result, series = await soak(tmp_path, faults, inf, SEED, print, RATE)
    plot = tmp_path / "soak.png"
    draw(series.of_worker, result.faults, plot)

    assert result.differences == []
    assert [met.fault for met in result.faults] == list(map(name_of, faults))
    assert result.readings > result.seconds * RATE * 0.8
    assert plot.read_bytes().startswith(PNG)
