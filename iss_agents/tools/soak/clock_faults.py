"""Clock faults: the wall clock of a worker, or the clock of the station, is wrong for a while."""

import asyncio
from datetime import UTC, datetime, timedelta
from math import exp, log
from random import Random

from iss_agents.tools.soak.context import LONG, SoakContext
from iss_agents.tools.testbed.wall_clock import READ_SECONDS
from iss_agents.tools.testbed.worker import Worker

LEAST, MOST = timedelta(seconds=2), timedelta(hours=6)
WRONG = (4.0, 12.0)
"""Seconds for which a clock that was set stays wrong."""

STALE = timedelta(seconds=61)
"""A stopped clock that is so far behind makes readings suspect."""


async def step_worker_clock(context: SoakContext) -> None:
    """The worker's wall clock is set forward or back, by seconds to hours, and then corrected."""
    await _step(context, context.main)


async def step_feed_clock(context: SoakContext) -> None:
    """The same for the worker with the feed, which compares the station's times with its own."""
    context.station.disturb(refused=True)
    await _step(context, context.feed)


async def step_station_clock(context: SoakContext) -> None:
    """The station's clock is set forward or back, by seconds to hours, and then corrected."""
    context.station.disturb(refused=True)
    ahead = _choose(context, either_way(context.random))
    with context.station.measurements.clock.ahead(ahead):
        await context.pass_time(WRONG)


async def stop_station_clock(context: SoakContext) -> None:
    """Every session ends, and the next one finds a station whose clock is behind and stopped."""
    context.station.disturb(refused=True)
    stopped_at = datetime.now(UTC) + _choose(context, -some_time(context.random, STALE))
    with context.station.measurements.clock.standing(stopped_at):
        context.station.station.faults.end()
        await context.pass_time(LONG)


async def _step(context: SoakContext, worker: Worker) -> None:
    assert worker.clock  # noqa: S101 - without libfaketime this fault is left out
    worker.clock.set_ahead(_choose(context, either_way(context.random)))
    await context.pass_time(WRONG)
    worker.clock.set_ahead(timedelta())
    await asyncio.sleep(READ_SECONDS)


def _choose(context: SoakContext, ahead: timedelta) -> timedelta:
    context.detail = f" by {ahead.total_seconds():+.0f} s"
    return ahead


def either_way(random: Random) -> timedelta:
    """Return how far a clock is set forward or back."""
    return some_time(random, LEAST) * random.choice((1, -1))


def some_time(random: Random, least: timedelta) -> timedelta:
    """Return a duration from `least` to MOST, distributed evenly on a logarithmic scale."""
    return timedelta(seconds=exp(random.uniform(log(least.total_seconds()), log(MOST.total_seconds()))))
