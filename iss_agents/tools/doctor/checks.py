"""Checks of the doctor, run concurrently, each with its own timeout."""

import asyncio
from collections.abc import Mapping
from typing import NamedTuple

from iss_agents.config.settings import Settings
from iss_agents.tools.doctor import (
    clocks,
    consumer_groups,
    disk,
    endpoints,
    environment,
    kafka,
    mongo,
    topics,
    worker,
)
from iss_agents.tools.doctor.findings import Check, Finding, NotCheckedError, failing, warning

CHECK_SECONDS = 10.0
"""Timeout of a check: twice that of its slowest request."""

CHECKS: dict[str, Check] = {
    "versions": environment.check_versions,
    "settings": environment.check_variables,
    "disk": disk.check_folder,
    "spool": disk.check_spools,
    "kafka": kafka.check,
    "topics": topics.check,
    "groups": consumer_groups.check,
    "database": mongo.check_server,
    "indexes": mongo.check_indexes,
    "clock": clocks.check,
    "feed": endpoints.check_feed,
    "announcers": endpoints.check_announcers,
    "worker": worker.check,
}
"""Subject -> check, in the order in which a person fixes things."""


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
    except NotCheckedError as error:
        return [warning(f"Not checked, because {error}.")]
    except TimeoutError:
        return [failing(f"No answer within {CHECK_SECONDS:g} s: see whether what it asks is overloaded.")]
    except Exception as error:  # noqa: BLE001 - the edge: a check that breaks must not hide the others
        return [failing(f"The check itself broke ({type(error).__name__}: {error}): report this.")]
