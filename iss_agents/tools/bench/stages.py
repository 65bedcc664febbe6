"""Stage benchmark: each stage on a backlog, compared with a bare loop over the same messages."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from time import monotonic

from iss_agents.errors import UserError
from iss_agents.kafka.offsets import Offsets
from iss_agents.local_stack.process import Program
from iss_agents.telemetry.catalog import items
from iss_agents.telemetry.topics import AGENTS_GROUP, ARCHIVE_GROUP, RAW
from iss_agents.tools.bench.backlog import fill
from iss_agents.tools.bench.contender import Contender
from iss_agents.tools.bench.cost import WARM, Cost
from iss_agents.tools.bench.cpu_time import Clock
from iss_agents.tools.testbed.bench_stack import BenchStack, running_stack

POLL_SECONDS = 0.05
CATCH_UP_SECONDS = 300.0

Say = Callable[[str], None]


@dataclass(frozen=True)
class Stage:
    """A stage of a worker, and the bare loop that does the same work."""

    name: str
    role: str
    group: str
    bare: str


KEEP_LAST_SEEN = Stage("keep_last_seen", "agents", AGENTS_GROUP, "last")
STAGES = (KEEP_LAST_SEEN, Stage("archive", "archive", ARCHIVE_GROUP, "store"))


async def measure_stages(count: int, say: Say, contenders: Sequence[Contender]) -> list[Cost]:
    """Return what each stage, and the bare loop before it, costs on a backlog of `count` readings.

    Also what the first stage's work costs in each of `contenders`.

    Raises:
        UserError: a part could not start, or a stage did not get through.
    """
    costs = []
    async with running_stack(keeping=False) as stack:
        say(f"Writing {count:,} readings")
        await fill(stack.settings, count, items())
        for stage in STAGES:
            say(f"{stage.name}, and a bare loop over the same {count:,} readings")
            bare = await _alone(stack, f"{stage.name}, bare", stack.bare(stage.bare, count))
            costs += [bare, await measure_stage(stack, stage, count, bare.own)]
        for contender in contenders:
            say(f"{contender.name}, {contender.origin} the first time")
            work = contender.run(stack.kafka.url, count)
            costs.append(await _alone(stack, f"{KEEP_LAST_SEEN.name} in {contender.name}", work, costs[0].own))
    return costs


async def _alone(
    stack: BenchStack, name: str, work: Awaitable[dict[str, float]], floor: float | None = None
) -> Cost:
    clock = Clock(stack.programs)
    figures = await work
    # The others' share of the whole run, of which the loop measured the larger part.
    others = {program: seconds * (1 - WARM) for program, seconds in clock.taken().items()}
    processor = {"worker": figures["processor"]} | others
    return Cost(name, int(figures["count"]), figures["seconds"], processor, floor)


async def measure_stage(stack: BenchStack, stage: Stage, count: int, floor: float | None = None) -> Cost:
    """Return what a stage costs on the `count` readings that wait in a stand.

    Raises:
        UserError: it did not get through.
    """
    worker = stack.worker(stage.name, stage.role)
    assert worker.program.pid  # noqa: S101 - started
    offsets = Offsets(stack.settings)
    try:
        before = await _reaches(offsets, stage, worker.program, count * WARM)
        clock, began = Clock({"worker": worker.program.pid} | stack.programs), monotonic()
        end = await _reaches(offsets, stage, worker.program, count)
    finally:
        await offsets.close()
    cost = Cost(stage.name, end - before, monotonic() - began, clock.taken(), floor)
    await worker.end()
    return cost


async def _reaches(offsets: Offsets, stage: Stage, program: Program, count: float) -> int:
    """Return how many readings the group has committed, as soon as these are `count`."""
    began = monotonic()
    while (done := await _committed(offsets, stage.group)) < count:
        if not program.running or monotonic() - began > CATCH_UP_SECONDS:
            raise UserError(f"{stage.name} did not get beyond {done:,} of {count:,.0f} readings.")
        await asyncio.sleep(POLL_SECONDS)
    return done


async def _committed(offsets: Offsets, group: str) -> int:
    commits = await offsets.committed(group)
    return sum(commit.offset for partition, commit in commits.items() if partition.topic == RAW.name)
