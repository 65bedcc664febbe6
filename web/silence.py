"""Who is silent: the station, the public feed, this system, or nobody. And how to say so to a person."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from typing_extensions import TypedDict

from iss_agents.health import PartHealth
from iss_agents.records import Gap, GapCause, Reading
from iss_agents.station_clock import rfc3339
from web.signals import SignalState, signal_state
from web.spoken import duration, since_when
from web.view import Time

Who = Literal["nobody", "station", "feed", "system", "unknown"]

FLOWING = timedelta(seconds=70)
"""Readings flow if one came in so lately: a feed that runs notices 60 s of silence and records a gap."""

USUAL_LOSS = timedelta(minutes=11)
"""The longest loss of signal in the recordings lasts 657 s (feed.md, AOS/LOS)."""

FEED_GAPS: dict[GapCause, str] = {
    "frozen": "The public feed repeats old readings: the station's clock has stood still {since}.",
    "outage": "The connection to the public feed is lost {since}; it is tried again until it comes back.",
    "silence": "The public feed is connected, but has sent nothing {since}.",
}
"""What a gap says of the public feed while it lasts."""


class SilentDocument(TypedDict):
    """Who says nothing."""

    who: Who
    """nobody while readings come in; station, feed, system: where they stop; unknown: just started."""
    since: Time | None
    """Since when; null for nobody and where it is not known."""
    sentence: str
    """The same for a person, with the reason."""


@dataclass(frozen=True)
class Facts:
    """What is known at `now`. `newest` is the reading that came in last, `clock` that of the station's clock.

    `gaps` are the open ones of the source of `newest`, or of all without one. `feed` and `agents` are how these
    parts of this worker are, if it has them.
    """

    now: datetime
    complete: bool = True
    away_since: datetime | None = None
    clock: Reading | None = None
    newest: Reading | None = None
    gaps: Collection[Gap] = field(default_factory=tuple)
    feed: PartHealth | None = None
    agents: PartHealth | None = None

    @property
    def flowing(self) -> bool:
        """Whether readings come in."""
        return self.newest is not None and self.now - self.newest.ingest_ts <= FLOWING

    @property
    def signal(self) -> SignalState:
        """What the station's clock says of the signal."""
        return signal_state(self.clock, self.now)


class Silence(NamedTuple):
    """Who is silent, since when, and the sentence that says so."""

    who: Who
    since: datetime | None
    sentence: str

    def document(self) -> SilentDocument:
        """Return what a client reads of it."""
        since = rfc3339(self.since) if self.since else None
        return {"who": self.who, "since": since, "sentence": self.sentence}


def silence(facts: Facts) -> Silence:
    """Return who is silent. What is nearest to the reader is asked first: it hides everything behind it."""
    if facts.away_since:
        return _said(facts, "system", facts.away_since, "This system does not reach its Kafka {since}.")
    if not facts.complete:
        return Silence("unknown", None, "This worker has just started and still reads what is known.")
    return _of_feed(facts) or _of_station(facts) or _of_system(facts)


def _of_feed(facts: Facts) -> Silence | None:
    for gap in facts.gaps:
        if _says_feed_is_silent(gap, facts):
            return _said(facts, "feed", gap.start, FEED_GAPS[gap.cause] + _of_whom(gap))
    if not facts.feed or facts.feed.ok:
        return None
    if facts.newest is None:
        return Silence("feed", facts.feed.since, f"No reading has come in yet. {facts.feed.detail}")
    if facts.newest.ingest_ts <= facts.feed.since:
        said = f"Nothing comes from the public feed {{since}}. {facts.feed.detail}"
        return _said(facts, "feed", facts.newest.ingest_ts, said)
    return None


def _says_feed_is_silent(gap: Gap, facts: Facts) -> bool:
    """Return whether a gap of the feed still lasts: one that a killed worker left open ends with news."""
    if gap.cause not in FEED_GAPS:
        return False
    # What the other shards send says nothing of this one.
    if gap.shard:
        return True
    # A frozen feed goes on sending for a while what is young enough to be believed.
    if not facts.flowing or (gap.cause == "frozen" and facts.signal == "STALE"):
        return True
    return facts.newest is not None and facts.newest.ingest_ts <= gap.start


def _of_whom(gap: Gap) -> str:
    return f" So it is for the items of shard {gap.shard}." if gap.shard else ""


def _of_station(facts: Facts) -> Silence | None:
    if facts.signal != "LOS" or facts.clock is None:
        return None
    losses = [gap.start for gap in facts.gaps if gap.cause == "los"]
    # Whoever runs the feed keeps a gap open as long as the loss lasts: without one nobody listens.
    if not losses and not facts.flowing:
        return None
    start = min(losses, default=facts.clock.source_ts)
    return _said(facts, "station", start, _of_loss(facts.now - start))


def _of_loss(lasting: timedelta) -> str:
    contact = "The station has had no radio contact {since}"
    if lasting <= USUAL_LOSS:
        return f"{contact}; it will come back by itself."
    return f"{contact}, longer than usual; it comes back by itself unless the public feed is broken."


def _of_system(facts: Facts) -> Silence:
    if facts.newest is None:
        return Silence("system", None, "No reading of the station has come in yet: does a worker run the feed?")
    if not facts.flowing:
        return _said(facts, "system", facts.newest.ingest_ts, _stopped(facts))
    if facts.signal != "STALE" or facts.clock is None:
        return Silence("nobody", None, "Readings come in.")
    late = duration(facts.now - facts.clock.source_ts)
    return Silence("nobody", None, f"Readings come in, but the station's clock is {late} old.")


def _stopped(facts: Facts) -> str:
    nothing = "No reading has reached this system {since}"
    for part in (facts.agents, facts.feed):
        if part and not part.ok:
            return f"{nothing}: {part.detail}"
    if facts.feed:
        return f"{nothing}: this worker's feed stands by, or none runs the agents."
    return f"{nothing}: no worker runs the feed, or none runs the agents."


def _said(facts: Facts, who: Who, since: datetime, sentence: str) -> Silence:
    # Not by format(): what a part says of itself may have braces.
    return Silence(who, since, sentence.replace("{since}", since_when(since, facts.now)))
