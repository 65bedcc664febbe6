"""Frames: server-sent events as bytes, each encoded once for all clients that get it."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from iss_agents.telemetry import catalog
from web.current.item_documents import encoded_items
from web.current.snapshot import Now

MOST_FRAMES = 64
"""Frames cached per tick: slow clients, each at another version, must not fill the memory."""

NOTHING = -1
"""Version of a client that has seen nothing: it also gets the items that never changed."""


class Wanted(NamedTuple):
    """Items that a client wants (all if empty), as far as they changed after version `seen`."""

    items: tuple[str, ...]
    seen: int


class ItemFrames:
    """The events `items` of one tick."""

    def __init__(self, now: Now) -> None:
        self.version = now.state.replica.version
        self._now = now
        self._frames: dict[Wanted, bytes] = {}

    def of(self, wanted: Wanted) -> bytes:
        """Return the event for a client; empty if none of its items has changed."""
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
        return event("items", {"items": documents}, f"{stream_name(self._now)}-{self.version}")

    def _changed(self, wanted: Wanted) -> Sequence[str]:
        replica, source = self._now.state.replica, self._now.source
        if wanted.seen == NOTHING:
            return wanted.items or list(catalog.items())
        if not wanted.items:
            return replica.changed_since(wanted.seen, source)
        return [name for name in wanted.items if replica.version_of(name, source) > wanted.seen]


def event(name: str, document: object, identifier: str | None = None) -> bytes:
    """Return one event with JSON as its data, which has no line breaks."""
    lines = [b"event: " + name.encode()]
    if identifier:
        lines.append(b"id: " + identifier.encode())
    lines.append(b"data: " + msgspec.json.encode(document))
    return b"\n".join(lines) + b"\n\n"


def stream_name(now: Now) -> str:
    """Return what the ids of a stream's events begin with."""
    return f"{now.state.replica.name}.{now.source}"


def seen_version(last_event_id: str, name: str, version: int) -> int:
    """Return the version that a client has seen, from the id of its last event, or `NOTHING`.

    `name` is that of the stream, `version` that of the current replica: an id of another replica or source, or
    an invalid one, is ignored.
    """
    view, _, number = last_event_id.partition("-")
    if view != name or not number.isascii() or not number.isdecimal() or len(number) > len(str(version)):
        return NOTHING
    return int(number) if int(number) <= version else NOTHING
