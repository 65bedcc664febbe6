"""Whether an event is told to the world, and the record of what became of it."""

from datetime import datetime, timedelta
from typing import Literal

import msgspec

from iss_agents.detection.events import Urination
from iss_agents.records import Source, decoder
from iss_agents.station_clock import milliseconds

MAX_AGE = timedelta(minutes=10)
"""An event older than this is no news (FR-018: a restart must not tell yesterday's)."""

COOLDOWN = timedelta(minutes=5)
"""Events this soon after one that was told are recorded, not told (FR-016)."""

Verdict = Literal["post", "suppressed", "stale", "repeated"]
Attempted = Literal["posted", "dry_run", "failed", "refused"]
Outcome = Literal["posted", "dry_run", "failed", "refused", "suppressed", "stale"]


class Cooldown(msgspec.Struct, frozen=True, kw_only=True):
    """The value of the Table `tweet_cooldowns`: the event that was told last, and until when that is enough.

    `until` is station time, counted from the event's detection, not from the post. So the verdict on an event
    is the same whenever it is made: a backlog, a replay or a slow X changes nothing. `sequence` orders values.
    """

    sequence: int
    event_id: str
    until: datetime


class Announcement(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of a text at one announcer. `attempts` is 0 if it was not asked since it had just refused."""

    announcer: str
    outcome: Attempted
    attempts: int
    post_id: str | None = None
    error: str | None = None


class Decision(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was decided on one event: the record of `post.decisions.v1`.

    `text` is what was said or would have been. `announcements` is empty if nobody was to be told.
    `decision` is the best of their outcomes: one announcer that posted makes it `posted`. `reading_ids` are
    those of the event.
    """

    schema_version: int
    event_id: str
    decision: Outcome
    decided_at: datetime
    detected_at: datetime
    text: str
    source: Source
    announcements: tuple[Announcement, ...] = ()
    reading_ids: tuple[str, ...] = ()


decode_decision = decoder(Decision)
"""Bytes -> Decision. Raises msgspec.DecodeError or ValidationError, which names the field."""


def decide(event: Urination, cooldown: Cooldown | None, now: datetime) -> Verdict:
    """Return what is to be done about an event.

    The cooldown is written after the decision's record is safe. So an event that the cooldown names has been
    decided in full, and is `repeated`: there is nothing left to do, and it is not suppressed by itself.
    """
    if cooldown and cooldown.event_id == event.event_id:
        return "repeated"
    if now - event.detected_at > MAX_AGE:
        return "stale"
    if cooldown and event.detected_at < cooldown.until:
        return "suppressed"
    return "post"


def cooldown_after(event: Urination, decision: Decision) -> Cooldown | None:
    """Return the cooldown that a decision begins: posts and dry runs begin one, nothing else does."""
    if decision.decision not in {"posted", "dry_run"}:
        return None
    return Cooldown(
        sequence=milliseconds(event.detected_at),
        event_id=event.event_id,
        until=event.detected_at + COOLDOWN,
    )
