"""Three attempts to have one announcer post one text."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from iss_agents.announcers.announcer import Announcer, NotAsked, NotYet, Posted, Refused, TryAgain
from iss_agents.announcers.clock import Clock, utc_now
from iss_agents.announcers.decision import MAX_AGE, Announcement, Attempted
from iss_agents.backoff import delays
from iss_agents.detection.events import Urination

logger = logging.getLogger(__name__)

ATTEMPTS = 3
"""Posts tried per announcer and event (FR-017)."""

ATTEMPT_SECONDS = 20.0
"""An attempt that takes longer is given up: three and their waits fit into the two minutes of NFR-003."""

FIRST_WAIT_SECONDS = 2.0
LONGEST_WAIT_SECONDS = 10.0

Sleep = Callable[[float], Awaitable[object]]


@dataclass(frozen=True)
class Pace:
    """How time passes between and within attempts."""

    clock: Clock = utc_now
    sleep: Sleep = asyncio.sleep
    attempt_seconds: float = ATTEMPT_SECONDS


async def persist(announcer: Announcer, text: str, event: Urination, pace: Pace) -> Announcement:
    """Post a text, again if that may help, until the event is too old; return what became of it."""
    waits = delays(FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS)
    attempt = 0
    while True:
        try:
            posted = await _attempt(announcer, text, event, pace.attempt_seconds)
        except Refused as refusal:
            attempt += not isinstance(refusal, NotAsked)
            return _failed(announcer, "refused", attempt, str(refusal))
        except TryAgain as trouble:
            attempt += not isinstance(trouble, NotYet)
            about = {"event_id": event.event_id, "part": announcer.name}
            logger.warning("%s, attempt %s of %s: %s", announcer.name, attempt, ATTEMPTS, trouble, extra=about)
            if attempt == ATTEMPTS:
                return _failed(announcer, "failed", attempt, str(trouble))
            wait = next(waits) if trouble.after is None else trouble.after
            if wait > (event.detected_at + MAX_AGE - pace.clock()).total_seconds():
                return _failed(announcer, "failed", attempt, f"{trouble}; {wait:.0f} s later it is no news")
            await pace.sleep(wait)
        else:
            return _posted(announcer, attempt + 1, posted)


async def _attempt(announcer: Announcer, text: str, event: Urination, seconds: float) -> Posted:
    try:
        async with asyncio.timeout(seconds):
            return await announcer.post(text, event)
    except TimeoutError:
        raise TryAgain(f"no answer within {seconds:g} s") from None


def _posted(announcer: Announcer, attempts: int, posted: Posted) -> Announcement:
    return Announcement(
        announcer=announcer.name, outcome=posted.outcome, attempts=attempts, post_id=posted.post_id
    )


def _failed(announcer: Announcer, outcome: Attempted, attempts: int, error: str) -> Announcement:
    return Announcement(announcer=announcer.name, outcome=outcome, attempts=attempts, error=error)
