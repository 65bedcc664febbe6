"""A real Lightstreamer client that remembers what its listeners were told."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from lightstreamer.client import ClientListener, LightstreamerClient, Subscription, SubscriptionListener

from iss_agents.simulator.updates import FIELDS


class Seen(NamedTuple):
    """One update as the client gave it."""

    item_id: str
    value: str | None
    snapshot: bool


class Listening(ClientListener, SubscriptionListener):  # type: ignore[misc]
    """Connects with short time-outs; every callback arrives on the library's thread."""

    def __init__(self, url: str, items: Sequence[str], transport: str | None = None) -> None:
        self.statuses: list[str] = []
        self.errors: list[tuple[int, str]] = []
        self.seen: list[Seen] = []
        self.fields: list[dict[str, str | None]] = []
        self.subscribed = 0
        self.unsubscribed = 0
        self.client = LightstreamerClient(url, "ISSLIVE")
        self.client.connectionOptions.setKeepaliveInterval(500)
        self.client.connectionOptions.setStalledTimeout(200)
        self.client.connectionOptions.setReconnectTimeout(200)
        # Also the time limit of an attempt: where a machine stands still for longer, there are two sessions.
        self.client.connectionOptions.setRetryDelay(1000)
        if transport:
            self.client.connectionOptions.setForcedTransport(transport)
        self.client.addListener(self)
        self.subscription = self._subscription(items)

    def _subscription(self, items: Sequence[str]) -> Any:
        subscription = Subscription("MERGE", list(items), list(FIELDS))
        subscription.setRequestedSnapshot("yes")
        subscription.addListener(self)
        return subscription

    def connect(self) -> None:
        self.client.subscribe(self.subscription)
        self.client.connect()

    @property
    def values(self) -> list[str | None]:
        return [update.value for update in self.seen]

    def onStatusChange(self, status: str) -> None:  # noqa: N802
        self.statuses.append(status)

    def onServerError(self, code: int, message: str) -> None:  # noqa: N802
        self.errors.append((code, message))

    def onSubscriptionError(self, code: int, message: str) -> None:  # noqa: N802
        self.errors.append((code, message))

    def onSubscription(self) -> None:  # noqa: N802
        self.subscribed += 1

    def onUnsubscription(self) -> None:  # noqa: N802
        self.unsubscribed += 1

    def onItemUpdate(self, update: Any) -> None:  # noqa: N802
        self.fields.append(dict(update.getFields()))
        self.seen.append(Seen(update.getItemName(), update.getValue("Value"), update.isSnapshot()))
