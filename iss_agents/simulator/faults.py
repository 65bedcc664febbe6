"""Fault injection: what can go wrong between the station and a client, and for how long."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from iss_agents.simulator.tlcp.fanout import Broadcast
from iss_agents.simulator.tlcp.sessions import Sessions
from iss_agents.simulator.updates import (
    TIME_STAMP,
    VALUE,
    Fields,
    Update,
    measured,
    signal,
    time_stamp,
)
from iss_agents.telemetry.catalog import CLOCK_ITEMS, SIGNAL_ITEM, TANK_ITEM

MISSING_STATUS = "1"
"""Status.Class of TIME_000001 while the signal is lost: any class but 24 would do (feed.md, AOS/LOS)."""

OVERLOADED = 5
CLOSED = 32
"""Codes of the specification's appendix A: temporarily overloaded, closed on the server's side."""

BURST_ACTIVE = 25
BURST_ZEROS = 22
"""On 11 August 2026, 22 of 25 active items sent exactly 0 in one instant (maximvs101/iss-live)."""

Seconds = float | None
"""How long a fault lasts; None until `recover`."""


class Faults:
    """Filter between the station's sources and the broadcast, which a fault alters.

    Updates that are held back are not sent later, except the newest of each item, as after a real loss of
    signal.
    """

    def __init__(self, broadcast: Broadcast, sessions: Sessions) -> None:
        self._broadcast = broadcast
        self._sessions = sessions
        self._silent = False
        self._zeroed: dict[str, Fields] = {}
        self._held: dict[str, Update] = {}
        self._timers: dict[Callable[[], None], asyncio.TimerHandle] = {}

    def publish(self, update: Update) -> None:
        """Pass an update on, or hold it back while a fault lasts."""
        if self._silent or update.item_id in self._zeroed:
            self._held[update.item_id] = update
            return
        self._broadcast.publish(update)

    def los(self, seconds: Seconds = None) -> None:
        """Lose the signal: the clock's status says so, then nothing is sent."""
        self._broadcast.publish(signal(datetime.now(UTC), MISSING_STATUS))
        self._silent = True
        self._later(seconds, self._resume)

    def freeze(self, seconds: Seconds = None) -> None:
        """Stop all updates silently; sessions are accepted and get their snapshots."""
        self._silent = True
        self._later(seconds, self._resume)

    def zero_burst(self, seconds: Seconds = None) -> None:
        """Send exactly 0 for most of the active items at one instant; the clock stays real."""
        if not self._zeroed:
            self._zero(datetime.now(UTC))
        self._later(seconds, self._resume)

    def refuse(self, seconds: Seconds = None, code: int = OVERLOADED) -> None:
        """Reject new sessions with a code; after 5 a client retries by itself, after 8 it does not."""
        self._sessions.refusal = code
        self._later(seconds, self._accept)

    def drop(self) -> None:
        """Cut every stream connection; the sessions wait for a recovery."""
        self._sessions.abort_streams()

    def end(self, code: int = CLOSED) -> None:
        """End every session for good; a client reconnects by itself only after code 48."""
        for session in self._sessions:
            self._sessions.end(session, code, "Ended by the station")

    def recover(self) -> None:
        """End every fault."""
        self._resume()
        self._accept()

    def stop(self) -> None:
        """Cancel the timers of faults that would end later."""
        for timer in self._timers.values():
            timer.cancel()

    def _resume(self) -> None:
        """Send the newest value of what was held back; zeros are measured again."""
        now = datetime.now(UTC)
        news = {item_id: _measured_again(item_id, before, now) for item_id, before in self._zeroed.items()}
        news |= self._held
        if self._silent and SIGNAL_ITEM in self._broadcast.latest:
            news[SIGNAL_ITEM] = signal(now)
        self._silent = False
        self._zeroed.clear()
        self._held.clear()
        for update in news.values():
            self._broadcast.publish(update)

    def _zero(self, now: datetime) -> None:
        for item_id in self._burst_items():
            self._zeroed[item_id] = self._broadcast.latest[item_id]
            self._broadcast.publish(measured(item_id, now, "0"))

    def _accept(self) -> None:
        self._sessions.refusal = None

    def _later(self, seconds: Seconds, action: Callable[[], None]) -> None:
        earlier = self._timers.pop(action, None)
        if earlier:
            earlier.cancel()
        if seconds is not None:
            self._timers[action] = asyncio.get_running_loop().call_later(seconds, action)

    def _burst_items(self) -> list[str]:
        latest = self._broadcast.latest
        active = [item_id for item_id in latest if item_id not in CLOCK_ITEMS]
        active.sort(key=lambda item_id: item_id != TANK_ITEM)
        share = min(BURST_ZEROS, max(1, len(active) * BURST_ZEROS // BURST_ACTIVE))
        return [item_id for item_id in active if latest[item_id].get(VALUE) != "0"][:share]


def _measured_again(item_id: str, fields: Fields, time: datetime) -> Update:
    return Update(item_id, {**fields, TIME_STAMP: time_stamp(time)})
