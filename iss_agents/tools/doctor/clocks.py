"""Clock check: compares this machine's clock with those of MongoDB and the feed."""

import asyncio
from collections.abc import Awaitable
from datetime import UTC, datetime

from iss_agents.config.settings import Settings
from iss_agents.tools.doctor.endpoints import date_of_feed
from iss_agents.tools.doctor.findings import Finding, NotCheckedError, failing, ok, warning
from iss_agents.tools.doctor.mongo import asked

MUCH = 5.0
"""Seconds: HTTP dates are whole seconds, and a busy machine may take one more to read the reply."""

TOO_MUCH = 60.0
"""Seconds: with a greater difference between two workers a rollup is computed too early."""

MEND = "let both follow a time server, for example with chrony"


async def check(settings: Settings) -> list[Finding]:
    """Return the differences from this machine's clock.

    Raises:
        NotCheckedError: no other clock can be read.
    """
    asking = (_difference("MongoDB", _of_database(settings)), _difference("the feed", date_of_feed(settings)))
    found = [finding for finding in await asyncio.gather(*asking) if finding]
    if not found:
        raise NotCheckedError("neither MongoDB nor the feed says what time it is")
    return found


async def _difference(whose: str, clock: Awaitable[datetime]) -> Finding | None:
    began = datetime.now(UTC)
    try:
        theirs = await clock
    except NotCheckedError:
        return None
    # The reply was made at some time in between, so its delay is no evidence of a difference.
    ended = datetime.now(UTC)
    away = max((theirs - ended).total_seconds(), (began - theirs).total_seconds(), 0.0)
    return finding_of(whose, away)


def finding_of(whose: str, away: float) -> Finding:
    """Return the finding for a difference of so many seconds."""
    sentence = f"The clock of {whose} and that of this machine differ by {away:.0f} s"
    if away > TOO_MUCH:
        return failing(f"{sentence}: {MEND}.")
    return warning(f"{sentence}: {MEND}.") if away > MUCH else ok(f"{sentence}.")


async def _of_database(settings: Settings) -> datetime:
    async with asked(settings) as database:
        hello = await database.command("hello")
        local: datetime = hello["localTime"]
        # Commands answer without the time zone that documents have: it is UTC.
        return local.replace(tzinfo=UTC)
