"""Fan-out: the newest fields of every item, and the listeners that get its updates."""

from collections import defaultdict
from typing import Protocol

from iss_agents.simulator.updates import Fields, Update


class Listener(Protocol):
    """Someone who subscribed to items."""

    def offer(self, item_id: str, fields: Fields) -> None: ...


class Broadcast:
    """Keeps the snapshot for new subscribers, and passes every update to the listeners."""

    def __init__(self) -> None:
        self.latest: dict[str, Fields] = {}
        self._listeners: defaultdict[str, list[Listener]] = defaultdict(list)

    def publish(self, update: Update) -> None:
        self.latest[update.item_id] = update.fields
        for listener in self._listeners.get(update.item_id, ()):
            listener.offer(update.item_id, update.fields)

    def listen(self, item_id: str, listener: Listener) -> None:
        self._listeners[item_id].append(listener)

    def forget(self, item_id: str, listener: Listener) -> None:
        self._listeners[item_id].remove(listener)
