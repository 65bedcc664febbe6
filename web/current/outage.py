"""Outage attribution: who is silent (the station, the public feed, this system or nobody), and since when."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple

from typing_extensions import TypedDict

from iss_agents.runtime.durations import in_words
from iss_agents.runtime.health import PartHealth
from iss_agents.telemetry.records import Gap, GapCause, Reading
from iss_agents.telemetry.station_clock import rfc3339
from web.base.view import Time
from web.current.signal import SignalState, signal_state

Who = Literal["nobody", "station", "feed", "system", "unknown"]

FLOWING = timedelta(seconds=70)
"""Readings flow if one was received within this time: a running feed records a gap after 60 s of silence."""

USUAL_LOSS = timedelta(minutes=11)
"""The longest loss of signal in the recordings lasts 657 s (feed.md, AOS/LOS)."""

FEED_GAPS: dict[GapCause, str] = {
    "frozen": "The public feed repeats old readings: the station's clock has stood still {since}.",
    "outage": "The connection to the public feed is lost {since}; it is tried again until it comes back.",
    "silence": "The public feed is connected, but nothing usable has come {since}.",
}
"""Cause of an open gap -> sentence about the public feed."""

TODAY = timedelta(hours=12)
"""Older times are written with their date."""


class SilentDocument(TypedDict):
    """Who is silent."""

    who: Who
    """nobody while readings come in; station, feed, system: where they stop; unknown: just started."""
    since: Time | None
    """Since when; null for nobody and where it is not known."""
    sentence: str
    """The same for a person, with the reason."""


@dataclass(frozen=True)
class Facts:
    """What is known at `now`. `newest` is the reading received last, `clock` that of the station's clock.

    They are of one source, whose open gaps are `gaps`; `is_of_feed` says whether it is that of the feed. `feed`
    and `agents` are the health of these components, if this worker has them.
    """

    now: datetime
    complete: bool = True
    away_since: datetime | None = None
    clock: Reading | None = None
    newest: Reading | None = None
    gaps: Collection[Gap] = field(default_factory=tuple)
    feed: PartHealth | None = None
    agents: PartHealth | None = None
    is_of_feed: bool = True

    @property
    def flowing(self) -> bool:
        """Whether readings arrive."""
        return self.newest is not None and self.now - self.newest.ingest_ts <= FLOWING

    @property
    def signal(self) -> SignalState:
        """State of the signal, from the station's clock."""
        return signal_state(self.clock, self.now)


class Outage(NamedTuple):
    """Who is silent, since when, and a sentence about it."""

    who: Who
    since: datetime | None
    sentence: str

    def document(self) -> SilentDocument:
        """Return what a client reads of it."""
        since = rfc3339(self.since) if self.since else None
        return {"who": self.who, "since": since, "sentence": self.sentence}


def outage_of(facts: Facts) -> Outage:
    """Return who is silent. The nearest cause is checked first, because it hides all others."""
    if facts.away_since:
        return _outage_since(facts, "system", facts.away_since, "This system does not reach its Kafka {since}.")
    if not facts.complete:
        return Outage("unknown", None, "This worker has just started and still reads what is known.")
    if not facts.is_of_feed:
        return Outage("nobody", None, "These readings are not the feed's: they come when somebody sends them.")
    return _of_feed(facts) or _of_station(facts) or _of_system(facts)


def _of_feed(facts: Facts) -> Outage | None:
    for gap in facts.gaps:
        if _is_feed_outage(gap, facts):
            return _outage_since(facts, "feed", gap.start, FEED_GAPS[gap.cause] + _shard_sentence(gap))
    if not facts.feed or facts.feed.ok:
        return None
    if facts.newest is None:
        return Outage("feed", facts.feed.since, f"No reading has come in yet. {facts.feed.detail}")
    if facts.newest.ingest_ts <= facts.feed.since:
        said = f"Nothing comes from the public feed {{since}}. {facts.feed.detail}"
        return _outage_since(facts, "feed", facts.newest.ingest_ts, said)
    return None


def _is_feed_outage(gap: Gap, facts: Facts) -> bool:
    """Return whether a gap of the feed is still open; one of a killed worker ends with new readings."""
    if gap.cause not in FEED_GAPS or gap.item_id:
        return False
    # Readings of the other shards say nothing about this one.
    if gap.shard:
        return True
    # A frozen feed keeps sending, for a while, readings that are young enough to be trusted.
    if not facts.flowing or (gap.cause == "frozen" and facts.signal == "STALE"):
        return True
    return facts.newest is not None and facts.newest.ingest_ts <= gap.start


def _shard_sentence(gap: Gap) -> str:
    return f" So it is for the items of shard {gap.shard}." if gap.shard else ""


def _of_station(facts: Facts) -> Outage | None:
    if facts.signal != "LOS" or facts.clock is None:
        return None
    losses = [gap.start for gap in facts.gaps if gap.cause == "los"]
    # A running feed keeps a gap open during the loss: without one, no feed is running.
    if not losses and not facts.flowing:
        return None
    start = min(losses, default=facts.clock.source_ts)
    return _outage_since(facts, "station", start, _loss_sentence(facts.now - start))


def _loss_sentence(lasting: timedelta) -> str:
    contact = "The station has had no radio contact {since}"
    if lasting <= USUAL_LOSS:
        return f"{contact}; it will come back by itself."
    return f"{contact}, longer than usual; it comes back by itself unless the public feed is broken."


def _of_system(facts: Facts) -> Outage:
    if facts.newest is None:
        return Outage("system", None, "No reading of the station has come in yet: does a worker run the feed?")
    if not facts.flowing:
        return _outage_since(facts, "system", facts.newest.ingest_ts, _stopped_sentence(facts))
    if facts.signal != "STALE" or facts.clock is None:
        return Outage("nobody", None, "Readings come in.")
    late = in_words(facts.now - facts.clock.source_ts)
    return Outage("nobody", None, f"Readings come in, but the station's clock is {late} old.")


def _stopped_sentence(facts: Facts) -> str:
    nothing = "No reading has reached this system {since}"
    for part in (facts.agents, facts.feed):
        if part and not part.ok:
            return f"{nothing}: {part.detail}"
    if facts.feed:
        return f"{nothing}: this worker's feed stands by, or none runs the agents."
    return f"{nothing}: no worker runs the feed, or none runs the agents."


def _outage_since(facts: Facts, who: Who, since: datetime, sentence: str) -> Outage:
    # Not by format(): the detail of a component may contain braces.
    return Outage(who, since, sentence.replace("{since}", since_when(since, facts.now)))


def since_when(start: datetime, now: datetime) -> str:
    """Return for example `since 14:03:10 UTC (4 min)`."""
    form = "%H:%M:%S" if now - start < TODAY else "%Y-%m-%d %H:%M:%S"
    return f"since {start.astimezone(UTC):{form}} UTC ({in_words(now - start)})"
