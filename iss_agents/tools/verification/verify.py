"""Verification: everything in Kafka must have become documents in MongoDB and values of the Tables."""

import asyncio
from collections.abc import Callable

from iss_agents.archive.mongo import DatabaseUnavailableError, connect
from iss_agents.config.settings import Settings
from iss_agents.errors import UserError
from iss_agents.kafka.reader import Span, open_reader
from iss_agents.telemetry.topics import AGENTS_GROUP
from iss_agents.tools.verification.mongo import compare_archive
from iss_agents.tools.verification.report import Report
from iss_agents.tools.verification.tables import compare_tables

SECOND_COMPARISON_SECONDS = 3.0
"""A running system changes all the time: only what differs in two comparisons this far apart counts."""

Say = Callable[[str], None]


async def verify(settings: Settings, span: Span, say: Say) -> Report:
    """Return the differences between Kafka, MongoDB and the Tables; `say` is told the progress.

    The archive is compared over the span, the Tables from its start until now.

    Raises:
        UserError: Kafka or MongoDB does not answer.
    """
    first = await _compare_once(settings, span, say)
    if first.good:
        return first
    say(f"{len(first.differences)} differences; comparing again in {SECOND_COMPARISON_SECONDS:.0f} s")
    await asyncio.sleep(SECOND_COMPARISON_SECONDS)
    second = await _compare_once(settings, span, say)
    second.differences &= first.differences
    return second


async def _compare_once(settings: Settings, span: Span, say: Say) -> Report:
    report = Report()
    database = connect(settings)
    try:
        async with open_reader(settings) as reader:
            say("Comparing MongoDB with Kafka")
            await compare_archive(reader, database, span, report)
            say("Comparing the Tables with Kafka")
            await compare_tables(reader, AGENTS_GROUP, Span(span.start), report)
    except DatabaseUnavailableError as error:
        raise UserError(f"{error}.") from error
    finally:
        database.client.close()
    return report
