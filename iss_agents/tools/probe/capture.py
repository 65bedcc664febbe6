"""Capture session: listens to a Lightstreamer source for a given time or until Ctrl-C."""

import asyncio
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic

from iss_agents.config.settings import Settings
from iss_agents.errors import UserError
from iss_agents.feed.connection import Connection
from iss_agents.feed.decode import Update
from iss_agents.runtime.console import PrintableConsole, styled
from iss_agents.runtime.health import Health
from iss_agents.runtime.redaction import without_password

PATIENCE_SECONDS = 900.0
"""Whoever watches a loss of signal wants its silence and no new session: up to 657 s (feed.md)."""


@dataclass
class CaptureStats:
    """What came in so far. `began` is when the first update came, by the monotonic clock."""

    began: float | None = None
    updates: int = 0
    lost: int = 0
    items: set[str] = field(default_factory=set)

    def add(self, updates: list[Update]) -> None:
        self.began = self.began or monotonic()
        self.updates += len(updates)
        self.items.update(update.item_id for update in updates)

    def lose(self, counts: Mapping[str, int]) -> None:
        self.lost += sum(counts.values())

    @property
    def seconds(self) -> float:
        """How long updates have come in, at least a millisecond."""
        now = monotonic()
        return max(0.001, now - (self.began or now))

    def __str__(self) -> str:
        return f"{self.updates:,} updates of {len(self.items)} items"


async def listen(
    settings: Settings, seconds: float | None, take: Callable[[list[Update]], None]
) -> CaptureStats:
    """Give `take` what comes in, for `seconds` or until Ctrl-C.

    Raises:
        UserError: nothing came in; says why.
        OSError: `take` raised it.
    """
    tally, health = CaptureStats(), Health()
    over = _until_interrupted()

    def receive(updates: list[Update]) -> None:
        tally.add(updates)
        try:
            take(updates)
        except OSError as error:
            if not over.done():
                over.set_exception(error)

    connection = Connection(
        settings,
        health,
        on_updates=receive,
        on_lost_updates=tally.lose,
        on_rejected_item=lambda _item, _reason: None,
        on_lost_session=lambda _reason: None,
        idle_timeout=lambda: PATIENCE_SECONDS,
    )
    async with connection:
        await _show_until(over, seconds, lambda: f"{without_password(settings.feed_url)}: {tally}")
    if not tally.updates:
        raise UserError(_why_nothing(health, settings.feed_url))
    return tally


async def _show_until(over: asyncio.Future[None], seconds: float | None, line: Callable[[], str]) -> None:
    async def show() -> None:
        with PrintableConsole(stderr=True).status(styled(line())) as status:
            while True:
                await asyncio.sleep(0.5)
                status.update(styled(line()))

    shown = asyncio.create_task(show())
    try:
        await asyncio.wait_for(over, seconds)
    except TimeoutError:
        return
    finally:
        shown.cancel()
        await asyncio.wait([shown])


def _until_interrupted() -> asyncio.Future[None]:
    loop = asyncio.get_running_loop()
    over: asyncio.Future[None] = loop.create_future()

    def end() -> None:
        if not over.done():
            over.set_result(None)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end)
    return over


def _why_nothing(health: Health, url: str) -> str:
    part = health.parts.get("feed")
    if part and not part.ok:
        return part.detail.split(";")[0] + ": check the network and the address."
    return f"The feed at {url} sent nothing: listen longer, or check the address."
