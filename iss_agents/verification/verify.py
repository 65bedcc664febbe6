"""Whether everything on the bus has become what it should: documents in MongoDB, values of the Tables."""

import asyncio
from collections.abc import Callable

from iss_agents.archive.database import DatabaseAway, connect
from iss_agents.errors import UserError
from iss_agents.settings import Settings
from iss_agents.verification.archived import compare_archive
from iss_agents.verification.bus import Span, look_at
from iss_agents.verification.differences import Report
from iss_agents.verification.folded import compare_tables

AGENTS = "iss-agents"
"""The agents' consumer group: the id of their Faust application."""

SECOND_LOOK_SECONDS = 3.0
"""A running system is never still: only what differs in two looks so far apart is a difference."""

Say = Callable[[str], None]


async def verify(settings: Settings, span: Span, say: Say) -> Report:
    """Return what differs between the bus, MongoDB and the Tables; `say` is told what is under way.

    The archive is compared over the span, the Tables from its start until now.

    Raises:
        UserError: Kafka or MongoDB does not answer.
    """
    first = await _look(settings, span, say)
    if first.good:
        return first
    say(f"{len(first.differences)} differences; looking again in {SECOND_LOOK_SECONDS:.0f} s whether they stay")
    await asyncio.sleep(SECOND_LOOK_SECONDS)
    second = await _look(settings, span, say)
    second.differences &= first.differences
    return second


async def _look(settings: Settings, span: Span, say: Say) -> Report:
    report = Report()
    database = connect(settings)
    try:
        async with look_at(settings) as bus:
            say("Comparing MongoDB with the bus")
            await compare_archive(bus, database, span, report)
            say("Comparing the Tables with the bus")
            await compare_tables(bus, AGENTS, Span(span.start), report)
    except DatabaseAway as error:
        raise UserError(f"{error}.") from error
    finally:
        database.client.close()
    return report
