"""All checks at once, each with its own time, so that none waits for another."""

import asyncio
from collections.abc import Mapping
from typing import NamedTuple

from iss_agents.doctor import (
    announcers,
    clock,
    database,
    disk,
    feed,
    groups,
    indexes,
    kafka,
    spools,
    topics,
    variables,
    versions,
    worker,
)
from iss_agents.doctor.findings import Check, Finding, NotLookedAt, failing, warning
from iss_agents.settings import Settings

CHECK_SECONDS = 10.0
"""How long a check may take: twice what its slowest question waits for an answer."""

CHECKS: dict[str, Check] = {
    "versions": versions.check,
    "settings": variables.check,
    "disk": disk.check,
    "spool": spools.check,
    "kafka": kafka.check,
    "topics": topics.check,
    "groups": groups.check,
    "database": database.check,
    "indexes": indexes.check,
    "clock": clock.check,
    "feed": feed.check,
    "announcers": announcers.check,
    "worker": worker.check,
}
"""Subject -> check, in the order in which a person mends things."""


class Line(NamedTuple):
    """A finding and what it is about."""

    subject: str
    finding: Finding


async def examine(settings: Settings, checks: Mapping[str, Check] = CHECKS) -> list[Line]:
    """Return what every check finds."""
    found = await asyncio.gather(*(_in_time(check, settings) for check in checks.values()))
    return [Line(subject, finding) for subject, many in zip(checks, found, strict=True) for finding in many]


async def _in_time(check: Check, settings: Settings) -> list[Finding]:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            return await check(settings)
    except NotLookedAt as error:
        return [warning(f"Not looked at, because {error}.")]
    except TimeoutError:
        return [failing(f"No answer within {CHECK_SECONDS:g} s: see whether what it asks is overloaded.")]
    except Exception as error:  # noqa: BLE001 - the edge: a check that breaks must not hide the others
        return [failing(f"The check itself broke ({type(error).__name__}: {error}): report this.")]
