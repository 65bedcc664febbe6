"""SSE client: follows the live stream of a worker, and reconnects by itself."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from time import sleep
from typing import NamedTuple

from iss_agents.cli.api import Api, BusyError, Parameters, UnreachableError

RETRY_SECONDS = 2.0
"""Delay before the next attempt, unless the worker says otherwise."""


class ServerEvent(NamedTuple):
    """One event; `data` is JSON. A new connection sends `last_id` to get only later changes."""

    name: str
    data: str
    last_id: str


@dataclass
class EventReader:
    """Parser of a `text/event-stream`, according to the HTML standard.

    `last_id` and `retry_seconds` are the values that the worker sent last.
    """

    last_id: str = ""
    retry_seconds: float = RETRY_SECONDS
    _rest: bytes = b""
    _name: str = ""
    _data: list[str] = field(default_factory=list)

    def read(self, chunk: bytes) -> Iterator[ServerEvent]:
        """Yield the events that `chunk` completes; it may begin and end anywhere."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            yield from self._take(line.rstrip(b"\r").decode(errors="replace"))

    def _take(self, line: str) -> Iterator[ServerEvent]:
        if not line:
            if self._data:
                yield ServerEvent(self._name or "message", "\n".join(self._data), self.last_id)
            self._name, self._data = "", []
            return
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            self._name = value
        elif name == "data":
            self._data.append(value)
        elif name == "id":
            self.last_id = value
        elif name == "retry" and value.isdecimal():
            self.retry_seconds = int(value) / 1000


def follow(
    api: Api, items: Sequence[str], source: str, lost: Callable[[], None], back: Callable[[], None]
) -> Iterator[ServerEvent]:
    """Yield the events of these items (none means all) for ever; call `lost` and `back` once per outage.

    They are those of `source`, or of the worker's feed if that is empty.

    Raises:
        UnreachableError, BusyError: the first connection failed. Later ones are tried again.
        UserError: the worker rejects the request.
    """
    reader = EventReader()
    connected = was_connected = False
    while True:
        try:
            for event in _connection(api, {"item": items, "source": source}, reader):
                if was_connected and not connected:
                    back()
                connected = was_connected = True
                yield event
        except (UnreachableError, BusyError):
            if not was_connected:
                raise
        if connected or not was_connected:
            lost()
        connected, was_connected = False, True
        sleep(reader.retry_seconds)


def _connection(api: Api, asked: Parameters, reader: EventReader) -> Iterator[ServerEvent]:
    fresh = EventReader(reader.last_id, reader.retry_seconds)
    headers = {"Last-Event-ID": reader.last_id} if reader.last_id else {}
    with api.stream("/stream", asked, headers) as chunks:
        for chunk in chunks:
            for event in fresh.read(chunk):
                reader.last_id, reader.retry_seconds = fresh.last_id, fresh.retry_seconds
                yield event
