"""Snapshot: the state at one moment, for all views of the present, and whether readings flow."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

from iss_agents.state_view.service import StateView
from iss_agents.telemetry.catalog import SIGNAL_ITEM, items
from iss_agents.telemetry.records import Reading, Source
from web.base.context import WorkerContext
from web.base.problems import unavailable
from web.base.view import present
from web.current.freshness import KNOWN, Flow, Freshness
from web.current.outage import Facts, Outage, outage_of
from web.current.signal import SignalDocument, SignalState, signal_document, signal_state
from web.current.uses import UseDocument, use_document

INCOMPLETE = "This worker has just started and still reads what is known: try again"
RETRY_SECONDS = 2


@dataclass(frozen=True)
class Now:
    """The state at one moment, as far as it follows from the readings of one source."""

    at: datetime
    state: StateView
    outage: Outage
    source: Source

    @property
    def alive(self) -> bool:
        """Whether readings flow, so that the newest reading of an item is current."""
        return self.outage.who == "nobody"

    @property
    def signal_state(self) -> SignalState:
        """Whether the station's signal is acquired."""
        return signal_state(self.reading(SIGNAL_ITEM), self.at)

    def reading(self, item_id: str) -> Reading | None:
        """Return the newest reading of an item, or None if it was never measured."""
        return self.state.reading(item_id, self.source)

    def signal(self) -> SignalDocument:
        """Return whether the station's signal is acquired, and what says so."""
        return signal_document(self.reading(SIGNAL_ITEM), self.at)

    @cached_property
    def flow(self) -> Flow:
        """What the gaps of the feed say of the age of its readings."""
        gaps = self.state.replica.gaps
        missing = {gap.item_id for gap in gaps.of(self.source) if gap.item_id}
        return Flow(self.at, self.alive, gaps.last_end(self.source), missing)

    def freshness(self, item_id: str) -> Freshness:
        """Return what the newest reading of an item is worth."""
        return self.flow.freshness(items()[item_id], self.reading(item_id))

    def is_stale(self, item_id: str) -> bool:
        """Return whether the newest reading of an item may be out of date."""
        return self.freshness(item_id) not in KNOWN

    def uses(self) -> list[UseDocument]:
        """Return the newest uses of the tank."""
        newest = self.state.replica.uses.newest(self.source)
        return [use_document(use, decision) for use, decision in newest]


def complete_now(context: WorkerContext, asked: Source | None = None) -> Now:
    """Return the state of this worker at this moment, if it has read all that the Tables hold.

    What it does not know yet would look as if it were not so: a tank without a level, a use that never was.

    Raises:
        Problem: 503, it still reads, or does not run the role web.
    """
    now = now_of(context, asked)
    if not now.state.ready:
        raise unavailable(INCOMPLETE, retry_after=RETRY_SECONDS)
    return now


def end_of_knowledge(context: WorkerContext, asked: Source | None = None) -> datetime:
    """Return the time after which nothing is known: now, or when the last reading came if all is silent."""
    if context.state is None or not context.state.ready:
        return datetime.now(UTC)
    now = now_of(context, asked)
    newest = now.state.replica.newest(now.source)
    return now.at if now.alive or newest is None else newest.ingest_ts


def now_of(context: WorkerContext, asked: Source | None = None) -> Now:
    """Return the state of this worker at this moment, by the readings of a source, that of the feed if None.

    Raises:
        Problem: 503, this worker does not run the role web.
    """
    state, at = present(context.state, "web"), datetime.now(UTC)
    source = context.source(asked)
    facts = Facts(
        now=at,
        complete=state.ready,
        away_since=state.away_since,
        clock=state.reading(SIGNAL_ITEM, source),
        newest=state.replica.newest(source),
        gaps=state.replica.gaps.of(source),
        is_of_feed=source == context.settings.feed_source,
        feed=context.health.parts.get("feed"),
        agents=context.health.parts.get("agents"),
    )
    return Now(at, state, outage_of(facts), source)
