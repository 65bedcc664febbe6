"""A soak from its start to the oracle's word."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random
from statistics import median
from time import monotonic

from iss_agents.kafka_logs import quiet_kafka_logs
from iss_agents.soak.faults import FAULTS, Fault, Place, name_of
from iss_agents.soak.feeding import Feeding
from iss_agents.soak.oracle import Given, differences, settle
from iss_agents.soak.recovery import recovery
from iss_agents.soak.result import Met, Result, Use
from iss_agents.soak.samples import Sample, Series
from iss_agents.soak.system import System

RATE = 500.0
"""Readings a second: seven times what the station sends."""

PAUSE_SECONDS = 5.0
"""The longest time between a recovery and the next fault."""

SETTLE_SECONDS = 600.0
USED = ("memory", "files", "tasks")

Say = Callable[[str], None]


async def soak(folder: Path, seconds: float, seed: int, say: Say) -> tuple[Result, Series]:
    """Run everything in `folder` under faults for so long; return what came of it.

    Raises:
        UserError: something could not start, or did not recover.
    """
    quiet_kafka_logs()
    system = System(folder)
    series = Series(system)
    feeding: Feeding | None = None
    try:
        say("Starting Kafka, the database and a worker")
        await system.start()
        feeding = Feeding(system.settings, RATE, seed)
        await feeding.start()
        place = Place(system, feeding, Random(seed))  # noqa: S311 - faults, not secrets
        await system.working(place.main)
        looking = asyncio.create_task(series.take())
        met = await _meet_faults(place, series, seconds, say)
        result = await _judge(place, series, met, seed, say)
        looking.cancel()
        return result, series
    finally:
        if feeding:
            await feeding.abandon()
        await system.stop()


async def _meet_faults(place: Place, series: Series, seconds: float, say: Say) -> list[Met]:
    met: list[Met] = []
    waiting: list[Fault] = []
    while series.seconds < seconds:
        waiting = waiting or place.random.sample(FAULTS, len(FAULTS))  # each comes before one comes again
        met.append(await _meet(place, waiting.pop(), series))
        say(
            f"{series.seconds:5.0f} s  {met[-1].fault}: shown again after {met[-1].shown:.1f} s, "
            f"stored after {met[-1].stored:.1f} s; {place.feeding.numbers.given:,} readings"
        )
        await place.pass_time((0.0, PAUSE_SECONDS))
    return met


async def _meet(place: Place, fault: Fault, series: Series) -> Met:
    at, began = series.seconds, monotonic()
    await fault(place)
    seconds = monotonic() - began
    return Met(name_of(fault), at, seconds, *await recovery(place.system, place.feeding.numbers))


async def _judge(place: Place, series: Series, met: Sequence[Met], seed: int, say: Say) -> Result:
    say("The feed ends; waiting until everything is stored")
    seconds = series.seconds
    await place.feeding.stop()
    settled = await settle(place.system.settings, SETTLE_SECONDS)
    say("Comparing what was given with what is there")
    numbers, broken = place.feeding.numbers, place.feeding.broken
    found = await differences(place.system.settings, Given(numbers, numbers.last(), broken))
    return Result(
        seed=seed,
        seconds=seconds,
        readings=numbers.given,
        broken=len(broken),
        faults=met,
        restarts=place.system.restarts,
        settled=settled,
        uses={name: uses_of(samples) for name, samples in series.of_worker.items() if samples},
        differences=found,
    )


def uses_of(samples: Sequence[Sample]) -> Mapping[str, Use]:
    """Return what was used at first, at last and at most."""
    tenth = max(1, len(samples) // 10)
    values = {field: [float(getattr(sample, field)) for sample in samples] for field in USED}
    return {name: Use(median(all_[:tenth]), median(all_[-tenth:]), max(all_)) for name, all_ in values.items()}
