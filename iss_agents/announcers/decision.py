"""Decision whether an event is posted, and its record with the results."""

from datetime import datetime, timedelta
from typing import Literal

import msgspec

from iss_agents.detection.events import Urination
from iss_agents.telemetry.records import Count, Instant, Sequence, Source, Version, decoder, require_plausible
from iss_agents.telemetry.station_clock import MAX_AHEAD, milliseconds

MAX_AGE = timedelta(minutes=10)
"""An event older than this is not posted (FR-018: a restart must not post yesterday's)."""

COOLDOWN = timedelta(minutes=5)
"""Events this soon after a posted one are recorded, not posted (FR-016)."""

Verdict = Literal["post", "suppressed", "stale", "repeated"]
Attempted = Literal["posted", "dry_run", "failed", "refused"]
Outcome = Literal["posted", "dry_run", "failed", "refused", "suppressed", "stale"]


class Cooldown(msgspec.Struct, frozen=True, kw_only=True):
    """The value of the Table `tweet_cooldowns`: the event that was posted last, and the end of its cooldown.

    `until` is station time, counted from the event's detection, not from the post. So the verdict on an event
    does not depend on when it is made, as after a backlog, in a replay or with a slow X. `sequence` orders
    values.
    """

    sequence: Sequence
    event_id: str
    until: Instant

    def __post_init__(self) -> None:
        require_plausible(until=self.until)


class Announcement(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Result of a text at one announcer. `attempts` is 0 if it was not called after a recent rejection."""

    announcer: str
    outcome: Attempted
    attempts: Count
    post_id: str | None = None
    error: str | None = None


class Decision(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Decision on one event: the record of `post.decisions.v1`.

    `text` is what was posted or would have been. `announcements` is empty if nothing was to be posted.
    `decision` is the best of their outcomes: one announcer that posted makes it `posted`. `stale` means too old
    at the time of the decision: if a worker dies between a post and this record, and no other continues within
    `MAX_AGE`, the text was posted all the same. `reading_ids` are those of the event.
    """

    schema_version: Version
    event_id: str
    decision: Outcome
    decided_at: Instant
    detected_at: Instant
    text: str
    source: Source
    announcements: tuple[Announcement, ...] = ()
    reading_ids: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require_plausible(decided_at=self.decided_at, detected_at=self.detected_at)


decode_decision = decoder(Decision)
"""Bytes -> Decision. Raises msgspec.DecodeError or ValidationError, which names the field."""


def decide(event: Urination, cooldown: Cooldown | None, now: datetime) -> Verdict:
    """Return what to do about an event.

    The cooldown is written after Kafka has acknowledged the decision. So an event that the cooldown names is
    finished, and `repeated`; its own cooldown must not suppress it. An event far ahead of our clock is `stale`,
    too: its cooldown would suppress every use until then.
    """
    if cooldown and cooldown.event_id == event.event_id:
        return "repeated"
    if not -MAX_AHEAD <= now - event.detected_at <= MAX_AGE:
        return "stale"
    # A cooldown that ends later than any that can have begun by now is from a clock that was ahead.
    if cooldown and event.detected_at < cooldown.until <= now + MAX_AHEAD + COOLDOWN:
        return "suppressed"
    return "post"


def cooldown_after(event: Urination, decision: Decision) -> Cooldown | None:
    """Return the cooldown that a decision begins: only posts and dry runs begin one."""
    if decision.decision not in {"posted", "dry_run"}:
        return None
    return Cooldown(
        sequence=milliseconds(event.detected_at),
        event_id=event.event_id,
        until=event.detected_at + COOLDOWN,
    )
