"""What the views of the present have in common: the state at one moment, and whether it is alive."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from iss_agents.catalog import SIGNAL_ITEM, TANK_ITEM
from iss_agents.parts import Parts
from iss_agents.records import Reading
from web.signals import SignalDocument, SignalState, signal_document, signal_state
from web.silence import Facts, Silence, silence
from web.state import StateView
from web.uses import UseDocument
from web.view import present

OLD = timedelta(days=1)
"""An older reading is stale. The feed sends an item only when it changes, so a younger one may well be true."""


@dataclass(frozen=True)
class Now:
    """The state at one moment."""

    at: datetime
    state: StateView
    silence: Silence

    @property
    def alive(self) -> bool:
        """Whether readings flow, so that the newest of an item is what it is now."""
        return self.silence.who == "nobody"

    @property
    def signal_state(self) -> SignalState:
        """Whether the station's signal is acquired."""
        return signal_state(self.state.reading(SIGNAL_ITEM), self.at)

    def signal(self) -> SignalDocument:
        """Return whether the station's signal is acquired, and what says so."""
        return signal_document(self.state.reading(SIGNAL_ITEM), self.at)

    def is_stale(self, reading: Reading | None) -> bool:
        """Return whether a reading may not be what is true now."""
        return reading is None or not self.alive or self.at - reading.source_ts > OLD

    def uses(self) -> list[UseDocument]:
        """Return the newest uses of the tank that is shown: those of another source are not its own."""
        tank = self.state.reading(TANK_ITEM)
        return self.state.replica.uses.newest(tank.source if tank else None)


def now_of(parts: Parts) -> Now:
    """Return the state of this worker at this moment.

    Raises:
        Problem: 503, this worker does not run the role web.
    """
    state, at = present(parts.state, "web"), datetime.now(UTC)
    newest = state.replica.newest
    facts = Facts(
        now=at,
        complete=state.ready,
        away_since=state.away_since,
        clock=state.reading(SIGNAL_ITEM),
        newest=newest,
        gaps=state.replica.gaps.of(newest.source if newest else None),
        feed=parts.health.parts.get("feed"),
        agents=parts.health.parts.get("agents"),
    )
    return Now(at, state, silence(facts))
