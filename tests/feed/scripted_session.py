"""A session of the Lightstreamer client without a network: a script says what the server sends."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from queue import Queue
from threading import Event
from typing import Any

import pytest
from lightstreamer.client import ClientListener, LightstreamerClient, Subscription, SubscriptionListener

from iss_agents.feed.correction import Correction
from iss_agents.feed.lightstreamer_corrections import CORRECTIONS, PromptListener, correct_library, library

ITEMS = ("NODE3000005", "NODE3000008", "TIME_000001")
FIELDS = ("Value", "TimeStamp", "Status.Class", "CalibratedData")
SNAPSHOT = tuple(f"U,1,{item},{item}|5354.1|24|#" for item in range(1, len(ITEMS) + 1))
PATIENCE_SECONDS = 30.0

Script = Callable[["Session"], None]


@pytest.fixture(autouse=True)
def corrected() -> None:
    """The library with all corrections."""
    correct_library()


@contextmanager
def as_shipped(*corrections: Correction) -> Iterator[None]:
    """The library without some corrections, or without any. No client may be connected meanwhile."""
    reverted = corrections or CORRECTIONS
    for correction in reverted:
        correction.revert()
    try:
        yield
    finally:
        for correction in reverted:
            correction.apply()


class Request:
    """A WebSocket or an HTTP request of the library, which the script answers."""

    def __init__(self, url: str, body: str, on_text: Any, on_error: Any, on_open: Any = None) -> None:
        self.sent = [f"{url} {body}"]
        self.on_open, self.on_text, self.on_error = on_open, on_text, on_error
        self._disposed = False

    def send(self, text: str) -> None:
        self.sent.append(text)

    def dispose(self) -> None:
        self._disposed = True

    def isDisposed(self) -> bool:  # noqa: N802 - the library's name
        return self._disposed


class Session(SubscriptionListener, PromptListener):  # type: ignore[misc]
    """A client and everything that it sends and that its listeners hear, in order.

    `heard` and `statuses` are apart: the library promises no order between subscriptions and clients.
    """

    def __init__(self, items: Sequence[str] = ITEMS) -> None:
        self.heard: list[object] = []
        self.statuses: list[object] = []
        self.requests: list[Request] = []
        self._opened: Queue[Request] = Queue()
        self._client = LightstreamerClient("http://station.invalid", "ISSLIVE")
        self.machine = self._client.delegate.machine
        self.machine.wsFactory, self.machine.httpFactory = self._open_socket, self._open_http
        self.machine.randomGenerator = lambda _most: 0
        self._client.addListener(_Statuses(self.statuses))
        subscription = Subscription("MERGE", list(items), list(FIELDS))
        subscription.setRequestedSnapshot("yes")
        subscription.addListener(self)
        self._items = len(items)
        self._client.subscribe(subscription)
        self._client.connect()

    @property
    def sent(self) -> list[list[str]]:
        """What the library has sent, by request."""
        return [request.sent for request in self.requests]

    def accept(self, *lines: str) -> None:
        """Accept the next request, and send lines in answer."""
        request = self._opened.get(timeout=PATIENCE_SECONDS)
        self.requests.append(request)
        if request.on_open:
            request.on_open(request)
        self.send(*lines)

    def begin(self) -> None:
        """Accept a session on a WebSocket, and its subscription."""
        self.accept("WSOK", f"CONOK,S{len(self.requests)},50000,60000,*")
        self.send(f"SUBOK,1,{self._items},{len(FIELDS)}", "CONF,1,unlimited,filtered")

    def send(self, *lines: str) -> None:
        """Send lines on the last request, and return when they have been handled."""
        for line in lines:
            self.pass_on(line)
        self.settle()

    def pass_on(self, line: str) -> None:
        """Send a line on the last request, as the library's thread does that reads sockets."""
        self.requests[-1].on_text(self.requests[-1], line)

    def fail(self) -> None:
        """Have the last request end with an error."""
        self.requests[-1].on_error(self.requests[-1], "broken")
        self.settle()

    def end(self) -> None:
        self._client.disconnect()
        self.settle()

    def onItemUpdate(self, update: Any) -> None:  # noqa: N802
        patches = {field: update.getValueAsJSONPatchIfAvailable(field) for field in FIELDS}
        fields, changed = dict(update.getFields()), dict(update.getChangedFields())
        self.heard.append((update.getItemName(), fields, changed, patches, update.isSnapshot()))

    def onSubscription(self) -> None:  # noqa: N802
        self.heard.append("subscribed")

    def onUnsubscription(self) -> None:  # noqa: N802
        self.heard.append("unsubscribed")

    def onSubscriptionError(self, code: int, message: str) -> None:  # noqa: N802
        self.heard.append(("rejected", code, message))

    def onItemLostUpdates(self, item_id: str, position: int, count: int) -> None:  # noqa: N802
        self.heard.append(("lost", item_id, position, count))

    def onClearSnapshot(self, item_id: str, position: int) -> None:  # noqa: N802
        self.heard.append(("clear", item_id, position))

    def onEndOfSnapshot(self, item_id: str, position: int) -> None:  # noqa: N802
        self.heard.append(("end of snapshot", item_id, position))

    def onRealMaxFrequency(self, frequency: str) -> None:  # noqa: N802
        self.heard.append(("frequency", frequency))

    def _open_socket(self, url: str, _headers: Any, opened: Any, text: Any, error: Any, _fatal: Any) -> Request:
        request = Request(url, "", text, error, opened)
        self._opened.put(request)
        return request

    def _open_http(self, url: str, body: str, _headers: Any, text: Any, error: Any, *_others: Any) -> Request:
        request = Request(url, body, text, error)
        self._opened.put(request)
        return request

    def settle(self) -> None:
        """Return when the library's threads have nothing left to do."""
        # The session thread gives work to the user thread, and never the other way round.
        threads = library.com_lightstreamer_internal__Threads_Threads_Fields_
        for thread in (threads.sessionThread, threads.userThread):
            idle = Event()
            thread.loop.call_soon_threadsafe(idle.set)
            assert idle.wait(PATIENCE_SECONDS)


class _Statuses(ClientListener):  # type: ignore[misc]
    def __init__(self, statuses: list[object]) -> None:
        self._statuses = statuses

    def onStatusChange(self, status: str) -> None:  # noqa: N802
        self._statuses.append(status)

    def onServerError(self, code: int, message: str) -> None:  # noqa: N802
        self._statuses.append((code, message))


def play(script: Script) -> Session:
    """Return the session that the script was played to."""
    session = Session()
    script(session)
    session.end()
    return session
