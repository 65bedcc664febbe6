"""Process faults: processes stop, are killed, suspended or slowed down, and the database rejects writes.

Like every fault, each returns when its cause is removed; the recovery takes longer.
"""

from contextlib import suppress

from iss_agents.errors import UserError
from iss_agents.local_stack.process import Program
from iss_agents.tools.soak.context import LONG, SHORT, SoakContext
from iss_agents.tools.soak.invariants import older_values
from iss_agents.tools.soak.recovery import recovery
from iss_agents.tools.testbed import processes
from iss_agents.tools.testbed.fail_points import NOT_PRIMARY, SLOW, failing_database
from iss_agents.tools.testbed.polling import until

IN_BATCH = (0.0, 0.5)
"""Seconds after a suspension in which a worker processes its backlog."""

BEYOND_SESSION = (11.0, 20.0)
WRITE_AGAIN_SECONDS = 10.0


async def end_worker(context: SoakContext) -> None:
    """SIGTERM to the worker, and a restart."""
    await context.main.end()
    context.main.start()


async def kill_worker(context: SoakContext) -> None:
    """SIGKILL to the worker, and a restart."""
    await context.main.kill()
    context.main.start()


async def halt_worker(context: SoakContext) -> None:
    """SIGSTOP to the worker, then SIGCONT; the supervisor restarts it if it exits by itself."""
    await _halt(context, context.main.program, LONG)


async def halt_in_batch(context: SoakContext) -> None:
    """SIGSTOP to the worker during a backlog, until another one has taken over and its session has expired.

    Nothing is sent meanwhile, so an older value written over its successor's would remain.
    """
    guest = await context.guest()
    async with processes.halted(context.main.program):
        await context.pass_time(SHORT)
    with context.generator.paused():
        await context.pass_time(IN_BATCH)
        async with processes.halted(context.main.program):
            await context.pass_time(BEYOND_SESSION)
            await recovery(context.system, context.generator.numbers)
        await context.pass_time(SHORT)
        await _check_for_older_values(context)
    await guest.end()


async def _check_for_older_values(context: SoakContext) -> None:
    older: list[str] = []

    async def none_is_left() -> bool:
        nonlocal older
        older = await older_values(context.system.settings, context.generator.numbers.last())
        return not older

    # The owner may still be writing its values again.
    with suppress(UserError):
        await until("the newest values are the last ones", none_is_left, WRITE_AGAIN_SECONDS)
    context.found += older


async def join_and_leave(context: SoakContext) -> None:
    """A second worker joins, and leaves by SIGTERM."""
    await (await context.guest()).end()


async def join_and_die(context: SoakContext) -> None:
    """A second worker joins, and dies by SIGKILL."""
    await (await context.guest()).kill()


async def kill_feed(context: SoakContext) -> None:
    """SIGKILL to the worker with the feed, and a restart."""
    context.station.disturb()
    await context.feed.kill()
    context.feed.start()


async def halt_feed(context: SoakContext) -> None:
    """SIGSTOP to the worker with the feed, then SIGCONT."""
    context.station.disturb()
    await _halt(context, context.feed.program, LONG)


async def end_kafka(context: SoakContext) -> None:
    """SIGTERM to Kafka, and a restart after a while."""
    await processes.end(context.system.kafka)
    await context.pass_time(LONG)
    await context.system.start_kafka()


async def kill_kafka(context: SoakContext) -> None:
    """SIGKILL to Kafka, and a restart."""
    await processes.kill(context.system.kafka)
    await context.pass_time(SHORT)
    await context.system.start_kafka()


async def halt_kafka(context: SoakContext) -> None:
    """SIGSTOP to Kafka, then SIGCONT: it accepts connections but does not answer."""
    await _halt(context, context.system.kafka, LONG)


async def slow_kafka(context: SoakContext) -> None:
    """Kafka runs only a tenth of the time."""
    async with processes.slowed(context.system.kafka):
        await context.pass_time(LONG)


async def end_database(context: SoakContext) -> None:
    """SIGTERM to the database, and a restart after a while."""
    await processes.end(context.system.database)
    await context.pass_time(LONG)
    await context.system.start_database()


async def kill_database(context: SoakContext) -> None:
    """SIGKILL to the database, and a restart."""
    await processes.kill(context.system.database)
    await context.pass_time(SHORT)
    await context.system.start_database()


async def halt_database(context: SoakContext) -> None:
    """SIGSTOP to the database, then SIGCONT: each write takes that long."""
    await _halt(context, context.system.database, LONG)


async def slow_database(context: SoakContext) -> None:
    """Each write to the database takes two seconds."""
    async with failing_database(context.system.settings, SLOW):
        await context.pass_time(LONG)


async def refuse_writes(context: SoakContext) -> None:
    """The database rejects every write for a while."""
    async with failing_database(context.system.settings, NOT_PRIMARY):
        await context.pass_time(LONG)


async def break_record(context: SoakContext) -> None:
    """A record on the raw topic that cannot be decoded."""
    context.generator.send_broken()


async def _halt(context: SoakContext, program: Program, span: tuple[float, float]) -> None:
    async with processes.halted(program):
        await context.pass_time(span)
