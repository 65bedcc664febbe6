"""Workers that join, leave and die under 1,000 numbered records a second: what is missed, early, repeated.

    uv run python -m tests.streaming.storm --cycles 20 --by faust

runs it on Faust's own consumer, without `--by` on the corrected one. It needs nothing that runs already.
"""

import argparse
import asyncio
import signal
import subprocess
from collections import deque
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import NamedTuple

from iss_agents.config.settings import load_settings
from iss_agents.kafka.clients import quiet_kafka_logs
from iss_agents.local_stack.jars import jar_folder
from iss_agents.local_stack.kafka import Kafka
from iss_agents.local_stack.ports import free_port
from tests.streaming.rig import Rig, end
from tests.waiting import until

RATE = 1_000
HOWS = (signal.SIGTERM, signal.SIGKILL)
JOIN_SECONDS = 60.0
"""A dead worker keeps its partitions for a session of 6 s, and the join waits for that."""

QUIET_SECONDS = 30.0
"""Commits that have stood still for so long, with nothing coming in, stand still for ever."""


class Outcome(NamedTuple):
    """What became of the records, each in records. `uncommitted` are finished and would be read again."""

    sent: int
    missed: int
    early: int
    repeated: int
    uncommitted: int


async def storm(rig: Rig, cycles: int, by: str = "ours") -> Outcome:
    """Let a second and a third worker join, and leave and die in turn, `cycles` times; count at the end."""
    guests: deque[subprocess.Popen[bytes]] = deque()
    rig.worker("stays", DELIVERY_BY=by)
    async with rig.load(RATE):
        await until(lambda: rig.has_given("stays"), JOIN_SECONDS)
        for number in range(cycles):
            name = f"guest-{number}"
            guests.append(rig.worker(name, DELIVERY_BY=by))
            await until(partial(rig.has_given, name), JOIN_SECONDS)
            if len(guests) == 2:
                await end(guests.popleft(), HOWS[number % 2])
        for guest in guests:
            await end(guest, HOWS[cycles % 2])
    await until_quiet(rig)
    return await outcome_of(rig)


async def until_quiet(rig: Rig) -> None:
    """Return when everything is committed, or nothing has moved for long."""
    seen, since = await progress(rig), monotonic()
    while not await rig.caught_up() and monotonic() - since < QUIET_SECONDS:
        now = await progress(rig)
        if now != seen:
            seen, since = now, monotonic()
        await asyncio.sleep(0.5)


async def progress(rig: Rig) -> tuple[list[int], int]:
    """Return what is committed and how many lists are finished."""
    lists = sum(len(spans) for parts in rig.deliveries().values() for spans in parts.values())
    return await rig.committed(), lists


async def outcome_of(rig: Rig) -> Outcome:
    """Compare what was sent with what was given and committed."""
    given = rig.given()
    distinct = sum(len(set(offsets)) for offsets in given)
    return Outcome(
        sent=rig.sent,
        missed=rig.sent - distinct,
        early=rig.early(),
        repeated=sum(map(len, given)) - distinct,
        uncommitted=rig.sent - sum(await rig.committed()),
    )


async def run(cycles: int, by: str, folder: Path) -> Outcome:
    """Run a storm on a Kafka of its own."""
    quiet_kafka_logs()
    kafka = Kafka(folder / "kafka", free_port())
    program = kafka.start(jar_folder(load_settings().home))
    try:
        program.wait_until(kafka.ready)
        rig = Rig(kafka.url, folder)
        await rig.start()
        try:
            return await storm(rig, cycles, by)
        finally:
            await rig.stop()
    finally:
        program.stop()


def main() -> None:
    """Print what a storm comes to."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--cycles", type=int, default=20, help="workers that join and go")
    parser.add_argument("--by", choices=("ours", "faust"), default="ours", help="whose consumer")
    arguments = parser.parse_args()
    with TemporaryDirectory() as folder:
        outcome = asyncio.run(run(arguments.cycles, arguments.by, Path(folder)))
    print(arguments.by, *(f"{name} {count:,}" for name, count in outcome._asdict().items()))  # noqa: T201


if __name__ == "__main__":
    main()
