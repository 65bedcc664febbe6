"""Benchmark run: everything that `iss-agents bench` measures, in sequence."""

import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from iss_agents.errors import UserError
from iss_agents.tools.bench.contender import Contender
from iss_agents.tools.bench.cost import Cost
from iss_agents.tools.bench.item_scaling import Growth, measure_growth
from iss_agents.tools.bench.stages import measure_stages
from iss_agents.tools.bench.steady_load import Load, Steady, Unmeasured, measure_steady

BACKLOG, QUICK_BACKLOG = 1_000_000, 400_000

LOADS = (
    Load(70, kept=False),
    Load(1_000, kept=False),
    Load(1_000, kept=False, partitions=1),
    Load(5_000, kept=False),
    Load(10_000, kept=False),
    Load(10_000, kept=False, workers=2),
    Load(10_000, kept=False, workers=3),
    Load(70, kept=True),
    Load(1_000, kept=True),
    Load(70, kept=True, client=True),
    Load(1_000, kept=True, client=True),
    Load(5_000, kept=False, client=True),
    Load(10_000, kept=False, client=True, apart=True),
    Load(10_000, kept=False, client=True, workers=2),
)
"""The real database is the embedded one, which takes 210 to 550 us per document and would dominate the higher
rates."""

ITEMS = (337, 3_370, 33_700)
"""The station's, and ten and a hundred times as many."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Result:
    """Result of a run. `growth`, `steady` and `unmeasured` are empty after a quick one."""

    machine: str
    stages: Sequence[Cost]
    growth: Sequence[Growth]
    steady: Sequence[Steady]
    unmeasured: Sequence[Unmeasured]

    def document(self) -> dict[str, object]:
        """Return it as a program reads it."""
        return {
            "machine": self.machine,
            "stages": [each.document() for each in self.stages],
            "growth": [each.document() for each in self.growth],
            "steady": [each.document() for each in self.steady],
            "unmeasured": [each.document() for each in self.unmeasured],
        }


async def measure(seconds: float, say: Say, contenders: Sequence[Contender], *, quick: bool) -> Result:
    """Return what every stage costs and, unless `quick`, what more items do and each of LOADS in `seconds`.

    Raises:
        UserError: a part could not start, or did not get through.
    """
    stages = await measure_stages(QUICK_BACKLOG if quick else BACKLOG, say, contenders)
    growth = [await measure_growth(items, say) for items in (() if quick else ITEMS)]
    met = [await measure_or_give_up(load, seconds, say) for load in (() if quick else LOADS)]
    steady = [each for each in met if isinstance(each, Steady)]
    unmeasured = [each for each in met if isinstance(each, Unmeasured)]
    return Result(machine(), stages, growth, steady, unmeasured)


async def measure_or_give_up(load: Load, seconds: float, say: Say) -> Steady | Unmeasured:
    """Return what a load comes to, or why it cannot be measured: the others can."""
    try:
        return await measure_steady(load, seconds, say)
    except UserError as error:
        say(f"{load}: {error}")
        return Unmeasured(load, str(error))


def machine() -> str:
    """Return what this machine is: cores, processor family, system and Python."""
    cores = len(os.sched_getaffinity(0))
    return f"{cores} cores {platform.machine()}, {platform.system()}, Python {platform.python_version()}"
