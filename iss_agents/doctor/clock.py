"""The clock of this machine against that of MongoDB and that of the feed."""

import asyncio
from collections.abc import Awaitable
from datetime import UTC, datetime

from iss_agents.doctor.database import asked
from iss_agents.doctor.feed import date_of_feed
from iss_agents.doctor.findings import Finding, NotLookedAt, failing, ok, warning
from iss_agents.settings import Settings

MUCH = 5.0
"""Seconds: the header of an answer has whole ones, and a busy machine may take one more to read it."""

TOO_MUCH = 60.0
"""Seconds: by so much the clocks of two workers may differ before an hour is summarised too early."""

MEND = "let both follow a time server, for example with chrony"


async def check(settings: Settings) -> list[Finding]:
    """Return how far the clocks are from this one.

    Raises:
        NotLookedAt: nobody says what time it is.
    """
    asking = (_away("MongoDB", _of_database(settings)), _away("the feed", date_of_feed(settings)))
    found = [finding for finding in await asyncio.gather(*asking) if finding]
    if not found:
        raise NotLookedAt("neither MongoDB nor the feed says what time it is")
    return found


async def _away(whose: str, clock: Awaitable[datetime]) -> Finding | None:
    began = datetime.now(UTC)
    try:
        theirs = await clock
    except NotLookedAt:
        return None
    # The answer was made at some time in between, so that what it took proves nothing.
    ended = datetime.now(UTC)
    away = max((theirs - ended).total_seconds(), (began - theirs).total_seconds(), 0.0)
    return judged(whose, away)


def judged(whose: str, away: float) -> Finding:
    """Return what it means that a clock is so many seconds away from this machine's."""
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
