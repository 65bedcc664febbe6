"""Server-sent events as bytes, each made once for all clients that are to get it."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from iss_agents import catalog
from web.item_documents import encoded_items
from web.now import Now

MOST_FRAMES = 64
"""Frames that one tick keeps: clients that are slow, each in its own way, must not fill the memory."""

NOTHING = -1
"""The version of a client that has seen nothing yet: it gets the items that never changed, too."""


class Wanted(NamedTuple):
    """What a client is to get: these items, or all if there are none, as far as they changed after `seen`."""

    items: tuple[str, ...]
    seen: int


class ItemFrames:
    """The events `items` of one tick."""

    def __init__(self, now: Now) -> None:
        self.version = now.state.replica.version
        self._now = now
        self._frames: dict[Wanted, bytes] = {}

    def of(self, wanted: Wanted) -> bytes:
        """Return the event for a client; empty if nothing that it wants has changed."""
        frame = self._frames.get(wanted)
        if frame is None:
            frame = self._made(wanted)
            if len(self._frames) < MOST_FRAMES:
                self._frames[wanted] = frame
        return frame

    def _made(self, wanted: Wanted) -> bytes:
        names = self._changed(wanted)
        if not names:
            return b""
        known = catalog.items()
        documents = encoded_items(self._now, [known[name] for name in names if name in known])
        return event("items", {"items": documents}, f"{self._now.state.replica.name}-{self.version}")

    def _changed(self, wanted: Wanted) -> Sequence[str]:
        replica = self._now.state.replica
        if wanted.seen == NOTHING:
            return wanted.items or list(catalog.items())
        if not wanted.items:
            return replica.changed_since(wanted.seen)
        return [name for name in wanted.items if replica.version_of(name) > wanted.seen]


def event(name: str, document: object, identifier: str | None = None) -> bytes:
    """Return one event with JSON as its data, which has no line breaks."""
    lines = [b"event: " + name.encode()]
    if identifier:
        lines.append(b"id: " + identifier.encode())
    lines.append(b"data: " + msgspec.json.encode(document))
    return b"\n".join(lines) + b"\n\n"


def seen_version(last_event_id: str, name: str, version: int) -> int:
    """Return the version that a client has seen, by the id of its last event; `NOTHING` if that says nothing.

    `name` and `version` are those of the replica now: the id of another one, or what is none, says nothing.
    """
    view, _, number = last_event_id.partition("-")
    if view != name or not number.isascii() or not number.isdecimal() or len(number) > len(str(version)):
        return NOTHING
    return int(number) if int(number) <= version else NOTHING
