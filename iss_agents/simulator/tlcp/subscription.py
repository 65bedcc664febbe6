"""One subscription of a session in MERGE mode: only changes are sent, the first update of an item in full."""

import asyncio
from collections.abc import Callable, Sequence

from iss_agents.simulator.tlcp.fanout import Broadcast
from iss_agents.simulator.tlcp.wire import ProtocolError, Values, encode_values
from iss_agents.simulator.updates import Fields


def read_frequency(text: str) -> float | None:
    """Return updates per second and item, or None for no limit.

    Raises:
        ProtocolError: 65, it is neither a positive number nor `unlimited` or `unfiltered`.
    """
    if text in {"unlimited", "unfiltered"}:
        return None
    try:
        frequency = float(text)
    except ValueError:
        frequency = 0.0
    if not 0 < frequency < float("inf"):
        raise ProtocolError(65, "LS_requested_max_frequency is not a frequency")
    return frequency


class Subscription:
    """Turns the updates of its items into `U` lines.

    Updates are conflated (only the newest survives) only while a client asks for a maximum frequency.
    """

    def __init__(
        self,
        subscription_id: str,
        items: Sequence[str],
        schema: Sequence[str],
        notify: Callable[[str], None],
    ) -> None:
        self._id = subscription_id
        self._positions = {item_id: position for position, item_id in enumerate(items, start=1)}
        self._schema = schema
        self._notify = notify
        self._frequency: float | None = None
        self._sent: dict[str, Values] = {}
        self._latest: dict[str, Fields] = {}
        self._resting: dict[str, asyncio.TimerHandle] = {}

    def start(self, broadcast: Broadcast, frequency: float | None, *, snapshot: bool) -> None:
        self._notify(f"SUBOK,{self._id},{len(self._positions)},{len(self._schema)}")
        self.limit(frequency)
        for item_id in self._positions:
            broadcast.listen(item_id, self)
            if snapshot and item_id in broadcast.latest:
                self.offer(item_id, broadcast.latest[item_id])

    def stop(self, broadcast: Broadcast) -> None:
        for item_id in self._positions:
            broadcast.forget(item_id, self)
        for timer in self._resting.values():
            timer.cancel()
        self._notify(f"UNSUB,{self._id}")

    def limit(self, frequency: float | None) -> None:
        """Send at most `frequency` updates per second and item from now on."""
        self._frequency = frequency
        shown = "unlimited" if frequency is None else f"{frequency:g}"
        self._notify(f"CONF,{self._id},{shown},filtered")

    def offer(self, item_id: str, fields: Fields) -> None:
        self._latest[item_id] = fields
        if item_id not in self._resting:
            self._send(item_id)

    def _send(self, item_id: str) -> None:
        values = [self._latest[item_id].get(field) for field in self._schema]
        previous = self._sent.get(item_id)
        if values == previous:
            return
        self._sent[item_id] = values
        self._notify(f"U,{self._id},{self._positions[item_id]},{encode_values(values, previous)}")
        if self._frequency is not None:
            loop = asyncio.get_running_loop()
            self._resting[item_id] = loop.call_later(1 / self._frequency, self._rested, item_id)

    def _rested(self, item_id: str) -> None:
        del self._resting[item_id]
        self._send(item_id)
