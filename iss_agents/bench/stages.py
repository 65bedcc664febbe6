"""Each stage on a backlog, beside a bare loop over the same messages."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import monotonic

from iss_agents.archive.intake import GROUP as ARCHIVE_GROUP
from iss_agents.bench.backlog import fill
from iss_agents.bench.contender import run_quix
from iss_agents.bench.cost import WARM, Cost
from iss_agents.bench.processor import Clock
from iss_agents.bench.stand import Stand, standing
from iss_agents.catalog import items
from iss_agents.embedded.program import Program
from iss_agents.errors import UserError
from iss_agents.topics import RAW
from iss_agents.verification.bus import Bus, look_at
from iss_agents.verification.verify import AGENTS

LOOK_SECONDS = 0.05
CATCH_UP_SECONDS = 300.0

Say = Callable[[str], None]


@dataclass(frozen=True)
class Stage:
    """A part of a worker, and the bare loop that does the same work."""

    name: str
    role: str
    group: str
    bare: str


KEEP_LAST_SEEN = Stage("keep_last_seen", "agents", AGENTS, "last")
STAGES = (KEEP_LAST_SEEN, Stage("archive", "archive", ARCHIVE_GROUP, "store"))


async def measure_stages(count: int, say: Say, *, quix: bool) -> list[Cost]:
    """Return what each stage, and the bare loop before it, costs on a backlog of `count` readings.

    With `quix` also what the first stage's work costs in Quix Streams.

    Raises:
        UserError: a part could not start, or a stage did not get through.
    """
    costs = []
    async with standing(keeping=False) as stand:
        say(f"Writing {count:,} readings")
        await fill(stand.settings, count, items())
        for stage in STAGES:
            say(f"{stage.name}, and a bare loop over the same {count:,} readings")
            bare = await _alone(stand, f"{stage.name}, bare", stand.bare(stage.bare, count))
            costs += [bare, await measure_stage(stand, stage, count, bare.own)]
        if quix:
            say("Quix Streams, which uv fetches the first time")
            work = run_quix(stand.kafka.url, count)
            costs.append(await _alone(stand, f"{KEEP_LAST_SEEN.name} in Quix Streams", work, costs[0].own))
    return costs


async def _alone(
    stand: Stand, name: str, work: Awaitable[dict[str, float]], floor: float | None = None
) -> Cost:
    clock = Clock(stand.programs)
    figures = await work
    # The others' share of the whole run, of which the loop measured the larger part.
    others = {program: seconds * (1 - WARM) for program, seconds in clock.taken().items()}
    processor = {"worker": figures["processor"]} | others
    return Cost(name, int(figures["count"]), figures["seconds"], processor, floor)


async def measure_stage(stand: Stand, stage: Stage, count: int, floor: float | None = None) -> Cost:
    """Return what a stage costs on the `count` readings that wait in a stand.

    Raises:
        UserError: it did not get through.
    """
    worker = stand.worker(stage.name, stage.role)
    assert worker.program.pid  # noqa: S101 - started
    async with look_at(stand.settings) as bus:
        before = await _reaches(bus, stage, worker.program, count * WARM)
        clock, began = Clock({"worker": worker.program.pid} | stand.programs), monotonic()
        end = await _reaches(bus, stage, worker.program, count)
    cost = Cost(stage.name, end - before, monotonic() - began, clock.taken(), floor)
    await worker.end()
    return cost


async def _reaches(bus: Bus, stage: Stage, program: Program, count: float) -> int:
    """Return how many readings the group has committed, as soon as these are `count`."""
    began = monotonic()
    while (done := await _committed(bus, stage.group)) < count:
        if not program.running or monotonic() - began > CATCH_UP_SECONDS:
            raise UserError(f"{stage.name} did not get beyond {done:,} of {count:,.0f} readings.")
        await asyncio.sleep(LOOK_SECONDS)
    return done


async def _committed(bus: Bus, group: str) -> int:
    offsets = await bus.committed(group)
    return sum(offset for partition, offset in offsets.items() if partition.topic == RAW.name)
