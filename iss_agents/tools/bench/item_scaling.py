"""Item scaling: the cost of more items, for `keep_last_seen` and for restoring its Table at a start."""

from collections.abc import Callable
from dataclasses import dataclass

from iss_agents.kafka.reader import open_reader
from iss_agents.telemetry.topics import LAST_SEEN_CHANGELOG
from iss_agents.tools.bench.backlog import fill
from iss_agents.tools.bench.cost import Cost
from iss_agents.tools.bench.stages import KEEP_LAST_SEEN, measure_stage
from iss_agents.tools.testbed.bench_stack import BenchStack, running_stack
from iss_agents.tools.testbed.polling import until
from iss_agents.tools.testbed.worker import Worker

READINGS = 400_000
START_SECONDS = 120.0

Say = Callable[[str], None]


@dataclass(frozen=True)
class Growth:
    """`cost` of `keep_last_seen` over so many items; `changes`: what it left in the changelog, all of it.

    `start`: seconds until a worker that begins with them has its Tables, `empty_start` without any. `memory` of
    that worker in MB.
    """

    items: int
    cost: Cost
    changes: int
    start: float
    empty_start: float
    memory: float

    def document(self) -> dict[str, object]:
        """Return it as a program reads it."""
        return {
            "items": self.items,
            **self.cost.document(),
            "changes": self.changes,
            "start_seconds": self.start,
            "empty_start_seconds": self.empty_start,
            "memory_megabytes": self.memory,
        }


async def measure_growth(items: int, say: Say, readings: int = READINGS) -> Growth:
    """Return what so many items come to, on a backlog of `readings` readings, each item in turn.

    Raises:
        UserError: a part could not start, or did not get through.
    """
    say(f"{KEEP_LAST_SEEN.name} over {items:,} items, and a start that restores them")
    async with running_stack(keeping=False) as stack:
        empty_start, _ = await _start(stack, "before")
        await fill(stack.settings, readings, [f"ITEM{number:07}" for number in range(items)])
        cost = await measure_stage(stack, KEEP_LAST_SEEN, readings)
        start, memory = await _start(stack, "after")
        return Growth(items, cost, await _changes(stack), start, empty_start, memory)


async def _start(stack: BenchStack, name: str) -> tuple[float, float]:
    worker = stack.worker(name, "agents,web")
    took = await until("a worker has its Tables", lambda: _restored(worker), START_SECONDS)
    samples = await worker.samples()
    memory = samples.total("process_resident_memory_bytes") / 1e6 if samples else 0.0
    await worker.end()
    return took, memory


async def _restored(worker: Worker) -> bool:
    health = await worker.document("/healthz")
    return bool(health and health["parts"].get("agents", {"ok": False})["ok"])


async def _changes(stack: BenchStack) -> int:
    async with open_reader(stack.settings) as reader:
        return sum((await reader.end_offsets(LAST_SEEN_CHANGELOG)).values())
