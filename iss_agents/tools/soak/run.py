"""Soak run: starts everything, injects faults, and evaluates the result."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from random import Random
from statistics import median
from time import monotonic

from iss_agents.archive.mongo import DatabaseUnavailableError
from iss_agents.errors import UserError
from iss_agents.kafka.clients import quiet_kafka_logs
from iss_agents.telemetry.shards import Shard
from iss_agents.tools.soak.context import FEED, Fault, SoakContext, name_of
from iss_agents.tools.soak.faults import WITH_LIBFAKETIME, possible
from iss_agents.tools.soak.invariants import differences, settle
from iss_agents.tools.soak.load import LoadGenerator
from iss_agents.tools.soak.recovery import recovery, station_recovery
from iss_agents.tools.soak.result import FaultResult, Result, Use
from iss_agents.tools.soak.samples import Sample, Series
from iss_agents.tools.soak.station import StationLoad
from iss_agents.tools.testbed.polling import until
from iss_agents.tools.testbed.system import START_SECONDS, System
from iss_agents.tools.testbed.wall_clock import find_libfaketime

RATE = 500.0
"""Readings a second: seven times what the station sends."""

STATION_RATE = 40.0
"""Those of them that arrive over a socket, which takes thirty times the processor time."""

STATION_SHARD, REST_SHARD = Shard(1, 2).siblings
"""Two feeds share the items: a worker's, and the soak's own."""

PAUSE_SECONDS = 5.0
"""Longest pause between a recovery and the next fault."""

SETTLE_SECONDS = 600.0

COMPARISONS = 3
"""Attempts to compare: it reads millions of documents, in which the embedded database may seem to hang."""
USED = ("memory", "files", "tasks")

Say = Callable[[str], None]


async def soak(
    folder: Path, faults: Iterable[Fault], seconds: float, seed: int, say: Say, rate: float = RATE
) -> tuple[Result, Series]:
    """Run everything in `folder` under `faults` for `seconds`; return the result.

    `rate` is how many readings a second are sent.

    Raises:
        UserError: something could not start, or did not recover.
    """
    quiet_kafka_logs()
    library = find_libfaketime()
    if not library:
        names = ", ".join(map(name_of, WITH_LIBFAKETIME))
        say(f"Left out: {names}. They need libfaketime, of the Debian package faketime.")
    system = System(folder, library)
    series = Series(system)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(system.stop)
        context = await _begin(stack, system, seed, rate, say)
        stack.callback(asyncio.create_task(series.run()).cancel)
        capable = possible(faults, has_libfaketime=library is not None)
        met = await _inject_faults(context, capable, series, seconds, say)
        return await _evaluate(context, series, met, seed, say), series


async def _begin(stack: AsyncExitStack, system: System, seed: int, rate: float, say: Say) -> SoakContext:
    say("Starting Kafka, the database, a simulated station and two workers")
    await system.start()
    generator = LoadGenerator(system.settings, rate - STATION_RATE, seed, REST_SHARD)
    await generator.start()
    stack.push_async_callback(generator.abandon)
    station = StationLoad(STATION_SHARD, STATION_RATE)
    await station.station.start()
    stack.push_async_callback(station.station.stop)
    context = SoakContext(system, generator, station, Random(seed))  # noqa: S311 - faults, not secrets
    with station.paused():
        await system.working(context.main)
        listening = {
            "ISS_FEED": "leader",
            "ISS_FEED_URL": station.station.url,
            "ISS_FEED_SHARD": str(station.shard),
        }
        await system.working(system.worker(FEED, "feed,web", **listening))
        await until("the feed listens", lambda: station.station.listeners, START_SECONDS)
    return context


async def _inject_faults(
    context: SoakContext, faults: Iterable[Fault], series: Series, seconds: float, say: Say
) -> list[FaultResult]:
    met: list[FaultResult] = []
    for fault in faults:
        if series.seconds > seconds:
            break
        one = await _inject(context, fault, series)
        met.append(one)
        say(
            f"{series.seconds:5.0f} s  {one.fault}{one.detail}: shown after {one.shown:.1f} s, stored after "
            f"{one.stored:.1f} s, the station heard after {one.heard:.1f} s; {context.given_count:,} readings"
        )
        await context.pass_time((0.0, PAUSE_SECONDS))
    return met


async def _inject(context: SoakContext, fault: Fault, series: Series) -> FaultResult:
    at, began, context.detail = series.seconds, monotonic(), ""
    try:
        await fault(context)
        seconds = monotonic() - began
        recovered, heard_after = await asyncio.gather(
            recovery(context.system, context.generator.numbers),
            station_recovery(context.system, context.station),
        )
    except UserError as error:
        raise UserError(f"{name_of(fault)}{context.detail}, {at:.0f} s after the beginning: {error}") from error
    context.station.calm()
    return FaultResult(name_of(fault), context.detail, at, seconds, *recovered, heard_after)


async def _evaluate(
    context: SoakContext, series: Series, met: Sequence[FaultResult], seed: int, say: Say
) -> Result:
    say("Nothing more is sent; waiting until everything is stored")
    seconds = series.seconds
    with context.station.paused():
        await station_recovery(context.system, context.station)
        await context.generator.stop()
        settled = await settle(context.system.settings, SETTLE_SECONDS)
        say("Comparing what was sent with what is there")
        found = await _compared(context)
    return Result(
        seed=seed,
        seconds=seconds,
        readings=context.given_count,
        broken=len(context.generator.broken),
        faults=met,
        restarts=context.system.restarts,
        settled=settled,
        uses={name: resource_use(samples) for name, samples in series.of_worker.items() if samples},
        differences=[*context.found, *found],
    )


async def _compared(context: SoakContext) -> list[str]:
    """Return the differences; compare again where the database hung, and was restarted, meanwhile."""
    for _ in range(COMPARISONS - 1):
        with suppress(DatabaseUnavailableError, UserError):
            return await differences(context.system.settings, context.given)
        await settle(context.system.settings, SETTLE_SECONDS)
    return await differences(context.system.settings, context.given)


def resource_use(samples: Sequence[Sample]) -> Mapping[str, Use]:
    """Return what was used first, last and at most."""
    tenth = max(1, len(samples) // 10)
    values = {field: [float(getattr(sample, field)) for sample in samples] for field in USED}
    return {name: Use(median(all_[:tenth]), median(all_[-tenth:]), max(all_)) for name, all_ in values.items()}
