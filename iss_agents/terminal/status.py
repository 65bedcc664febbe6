"""`status`: everything one look should tell, once or live."""

import json
from datetime import UTC, datetime
from time import monotonic
from typing import Any

import click
import msgspec
from rich.console import RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from iss_agents.terminal.answers import Signal, Status, Tank, Use
from iss_agents.terminal.client import Api
from iss_agents.terminal.following import follow
from iss_agents.terminal.paper import show
from iss_agents.terminal.words import age, moment, time

BAR_CELLS = 30
SIGNAL_STYLES = {"AOS": "bold green", "LOS": "bold yellow", "STALE": "bold red"}
NOBODY = "nobody"


async def show_status(url: str, *, as_json: bool) -> None:
    """Print the status once."""
    async with Api(url) as api:
        if as_json:
            click.echo(json.dumps(await api.ask(dict[str, Any], "/status")))
        else:
            show(screen(await api.ask(Status, "/status"), 0.0))


async def watch_status(url: str, *, as_json: bool) -> None:
    """Show the status as it changes, until the program is interrupted."""
    watched = Watched()
    async with Api(url) as api:
        # Nothing else follows an item, so that the stream carries little but the status.
        events = follow(api, ["TIME_000001"], watched.lose, watched.find)
        if as_json:
            async for event in events:
                if event.name == "status":
                    click.echo(event.data)
            return
        with Live(get_renderable=watched.screen, refresh_per_second=2, screen=False) as live:
            async for event in events:
                if event.name == "status":
                    watched.take(msgspec.json.decode(event.data, type=Status))
                    live.refresh()


class Watched:
    """The newest status, when it came, and since when the connection is lost."""

    def __init__(self) -> None:
        self._status: Status | None = None
        self._taken = 0.0
        self._lost_at: datetime | None = None

    def take(self, status: Status) -> None:
        """Keep a status that has just come."""
        self._status, self._taken = status, monotonic()

    def lose(self) -> None:
        """The connection is lost."""
        self._lost_at = datetime.now(UTC)

    def find(self) -> None:
        """The connection is back."""
        self._lost_at = None

    def screen(self) -> RenderableType:
        """Return what is to be seen now."""
        if self._status is None:
            return Text("waiting for the first status …", "dim")
        table = screen(self._status, monotonic() - self._taken)
        if self._lost_at:
            table.add_row("connection", Text(f"lost since {time(self._lost_at)}, trying again", "bold red"))
        return table


def screen(status: Status, passed: float) -> Table:
    """Return the status as a table, `passed` seconds after it was taken."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    table.add_row("signal", _signal(status.signal, passed))
    table.add_row("silent", _silent(status))
    table.add_row("newest", _newest(status, passed))
    table.add_row("items", _items(status))
    table.add_row("tank", _tank(status.tank, passed))
    if use := status.tank.last_use:
        table.add_row("last use", _use(use, status, passed))
        table.add_row("", Text(_said(use), "italic"))
    for row in _parts(status):
        table.add_row(*row)
    return table


def _signal(signal: Signal, passed: float) -> Text:
    state = (signal.state, SIGNAL_STYLES.get(signal.state, "bold"))
    if signal.age_seconds is None:
        return Text.assemble(state)
    return Text.assemble(state, f", the station's clock is {age(signal.age_seconds + passed)} old")


def _silent(status: Status) -> Text:
    silent = status.silent
    return Text(f"{silent.who}: {silent.sentence}", "" if silent.who == NOBODY else "yellow")


def _newest(status: Status, passed: float) -> str:
    newest = status.newest
    if newest is None:
        return "nothing has come yet"
    return f"{newest.item_id} {newest.name}, measured {age(newest.age_seconds + passed)} ago"


def _items(status: Status) -> str:
    unfinished = "" if status.complete else "; this worker is still reading what is known"
    return f"{status.items.measured} of {status.items.known} measured{unfinished}"


def _tank(tank: Tank, passed: float) -> Text:
    if tank.level is None:
        return Text("not known")
    full = round(min(max(tank.level, 0), 100) / 100 * BAR_CELLS)
    bar = (("█" * full, "cyan"), ("░" * (BAR_CELLS - full), "dim"))
    processor = f", processor {tank.processor}" if tank.processor else ""
    measured = f", measured {age(tank.age_seconds + passed)} ago" if tank.age_seconds is not None else ""
    return Text.assemble(*bar, (f" {tank.level:g} % {tank.state}", "bold"), f"{processor}{measured}")


def _use(use: Use, status: Status, passed: float) -> str:
    minutes = status.tank.minutes_since_last_use
    ago = "" if minutes is None else f", {age(minutes * 60 + passed)} ago"
    change = f"{use.delta_percent:+g} %, from {use.level_before:g} to {use.level_after:g} %"
    return f"{moment(use.end)} UTC{ago}: {change}"


def _said(use: Use) -> str:
    words = " / ".join(line for line in (use.text or "").splitlines() if line)
    decision = use.decision or "not decided yet"
    return f"{words} ({decision})" if words else f"({decision})"


def _parts(status: Status) -> list[tuple[str, Text]]:
    good = [name for name, part in status.parts.items() if part.ok]
    bad = [(name, part.detail) for name, part in status.parts.items() if not part.ok]
    rows = [("parts", Text(f"{', '.join(good)}: work", "green"))] if good else []
    return rows + [(name, Text(detail, "red")) for name, detail in bad]
