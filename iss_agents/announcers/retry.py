"""Retries: up to three attempts of one announcer to post one text."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from iss_agents.announcers.announcer import (
    Announcer,
    Clock,
    NotReadyError,
    Posted,
    RefusedError,
    RetryableError,
    SkippedError,
    utc_now,
)
from iss_agents.announcers.decision import MAX_AGE, Announcement, Attempted
from iss_agents.detection.events import Urination
from iss_agents.runtime.backoff import delays

logger = logging.getLogger(__name__)

ATTEMPTS = 3
"""Attempts per announcer and event (FR-017)."""

ATTEMPT_SECONDS = 20.0
"""Timeout of an attempt: three attempts and their waits fit into the two minutes of NFR-003."""

FIRST_WAIT_SECONDS = 2.0
LONGEST_WAIT_SECONDS = 10.0

Sleep = Callable[[float], Awaitable[object]]


@dataclass(frozen=True)
class RetryTiming:
    """Clock, sleep and timeout of the attempts."""

    clock: Clock = utc_now
    sleep: Sleep = asyncio.sleep
    attempt_seconds: float = ATTEMPT_SECONDS


async def post_with_retry(
    announcer: Announcer, text: str, event: Urination, timing: RetryTiming
) -> Announcement:
    """Post a text, retrying if that may help until the event is too old; return the result."""
    waits = delays(FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS)
    attempt = 0
    while True:
        try:
            posted = await _attempt(announcer, text, event, timing.attempt_seconds)
        except RefusedError as rejection:
            attempt += not isinstance(rejection, SkippedError)
            return _failed(announcer, "refused", attempt, str(rejection))
        except RetryableError as error:
            attempt += not isinstance(error, NotReadyError)
            about = {"event_id": event.event_id, "part": announcer.name}
            logger.warning("%s, attempt %s of %s: %s", announcer.name, attempt, ATTEMPTS, error, extra=about)
            if attempt == ATTEMPTS:
                return _failed(announcer, "failed", attempt, str(error))
            wait = next(waits) if error.after is None else error.after
            if wait > (event.detected_at + MAX_AGE - timing.clock()).total_seconds():
                return _failed(announcer, "failed", attempt, f"{error}; {wait:.0f} s later it is too old")
            await timing.sleep(wait)
        else:
            return _posted(announcer, attempt + 1, posted)


async def _attempt(announcer: Announcer, text: str, event: Urination, seconds: float) -> Posted:
    try:
        async with asyncio.timeout(seconds):
            return await announcer.post(text, event)
    except (RefusedError, RetryableError):
        raise
    except TimeoutError:
        raise RetryableError(f"no answer within {seconds:g} s") from None
    except Exception as error:  # noqa: BLE001 - any failure of an address or an answer concerns only this text
        # Not its text, which may contain the address, a secret.
        raise RetryableError(f"an attempt failed ({type(error).__name__})") from None


def _posted(announcer: Announcer, attempts: int, posted: Posted) -> Announcement:
    return Announcement(
        announcer=announcer.name, outcome=posted.outcome, attempts=attempts, post_id=posted.post_id
    )


def _failed(announcer: Announcer, outcome: Attempted, attempts: int, error: str) -> Announcement:
    return Announcement(announcer=announcer.name, outcome=outcome, attempts=attempts, error=error)
