"""What goes wrong in a soak. A fault returns when its cause is gone; recovering from it takes longer."""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import NamedTuple

from iss_agents.embedded.program import Program
from iss_agents.soak import programs
from iss_agents.soak.failpoints import NOT_PRIMARY, SLOW, ailing_database
from iss_agents.soak.feeding import Feeding
from iss_agents.soak.system import System
from iss_agents.soak.worker import Worker

MAIN, GUEST = "one", "two"
"""The worker that is always there, and one that comes and goes."""

SHORT = (1.0, 5.0)
LONG = (5.0, 20.0)
"""Seconds. A session in Kafka lasts 10 s, so a long standstill of a worker costs it its partitions."""


class Place(NamedTuple):
    """What a fault has to do with."""

    system: System
    feeding: Feeding
    random: Random

    async def pass_time(self, span: tuple[float, float]) -> None:
        """Let a random time of the span pass."""
        await asyncio.sleep(self.random.uniform(*span))

    @property
    def main(self) -> Worker:
        """The worker that is always there."""
        return self.system.worker(MAIN)


Fault = Callable[[Place], Awaitable[None]]


async def end_worker(place: Place) -> None:
    """SIGTERM to the worker, and its start."""
    await place.main.end()
    place.main.start()


async def kill_worker(place: Place) -> None:
    """SIGKILL to the worker, and its start."""
    await place.main.kill()
    place.main.start()


async def halt_worker(place: Place) -> None:
    """SIGSTOP to the worker, and SIGCONT; the supervisor starts it if it ends for its own good."""
    await _halt(place, place.main.program, LONG)


async def join_and_leave(place: Place) -> None:
    """A second worker comes, and goes by SIGTERM."""
    await _join(place)
    await place.system.worker(GUEST).end()


async def join_and_die(place: Place) -> None:
    """A second worker comes, and goes by SIGKILL."""
    await _join(place)
    await place.system.worker(GUEST).kill()


async def end_kafka(place: Place) -> None:
    """SIGTERM to Kafka, and its start after a while."""
    await programs.end(place.system.kafka)
    await place.pass_time(LONG)
    await place.system.start_kafka()


async def kill_kafka(place: Place) -> None:
    """SIGKILL to Kafka, and its start."""
    await programs.kill(place.system.kafka)
    await place.pass_time(SHORT)
    await place.system.start_kafka()


async def halt_kafka(place: Place) -> None:
    """SIGSTOP to Kafka, and SIGCONT: it accepts connections and does not answer."""
    await _halt(place, place.system.kafka, LONG)


async def slow_kafka(place: Place) -> None:
    """Kafka runs for a tenth of the time only."""
    async with programs.slowed(place.system.kafka):
        await place.pass_time(LONG)


async def end_database(place: Place) -> None:
    """SIGTERM to the database, and its start after a while."""
    await programs.end(place.system.database)
    await place.pass_time(LONG)
    await place.system.start_database()


async def kill_database(place: Place) -> None:
    """SIGKILL to the database, and its start."""
    await programs.kill(place.system.database)
    await place.pass_time(SHORT)
    await place.system.start_database()


async def halt_database(place: Place) -> None:
    """SIGSTOP to the database, and SIGCONT: each write takes that long."""
    await _halt(place, place.system.database, LONG)


async def slow_database(place: Place) -> None:
    """Each write to the database takes two seconds."""
    async with ailing_database(place.system.settings, SLOW):
        await place.pass_time(LONG)


async def refuse_writes(place: Place) -> None:
    """The database refuses each write for a while."""
    async with ailing_database(place.system.settings, NOT_PRIMARY):
        await place.pass_time(LONG)


async def break_record(place: Place) -> None:
    """A record on the raw topic that is no reading."""
    place.feeding.send_broken()


FAULTS: tuple[Fault, ...] = (
    end_worker,
    kill_worker,
    halt_worker,
    join_and_leave,
    join_and_die,
    end_kafka,
    kill_kafka,
    halt_kafka,
    slow_kafka,
    end_database,
    kill_database,
    halt_database,
    slow_database,
    refuse_writes,
    break_record,
)


def name_of(fault: Fault) -> str:
    """Return what the fault is called: `kill worker`."""
    return fault.__name__.replace("_", " ")


async def _halt(place: Place, program: Program, span: tuple[float, float]) -> None:
    async with programs.halted(program):
        await place.pass_time(span)


async def _join(place: Place) -> None:
    guest = place.system.worker(GUEST)
    if not guest.wanted:
        guest.start()
    await place.system.working(guest)
