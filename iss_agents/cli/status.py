"""`status`: signal, outage, tank, last use and components, once or live."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from time import monotonic
from typing import Any

import msgspec
from rich.console import RenderableType
from rich.live import Live
from rich.table import Table

from iss_agents.cli.api import Api
from iss_agents.cli.formatting import age, moment, time
from iss_agents.cli.replies import Signal, Status, Tank, Use
from iss_agents.cli.sse import follow
from iss_agents.runtime.console import PrintableConsole, assembled, show, styled
from iss_agents.runtime.output import write_json
from iss_agents.runtime.printable import printable
from iss_agents.telemetry.plain_words import DECISIONS, SIGNALS, SOURCES, TRENDS

BAR_CELLS = 30
SIGNAL_STYLES = {"AOS": "bold green", "LOS": "bold yellow", "STALE": "bold red"}
NOBODY = "nobody"


def show_status(url: str, source: str, *, as_json: bool) -> None:
    """Print the status once."""
    api = Api(url)
    if as_json:
        write_json(api.ask(dict[str, Any], "/status", {"source": source}))
    else:
        show(screen(api.ask(Status, "/status", {"source": source}), 0.0))


def watch_status(url: str, source: str, *, as_json: bool) -> None:
    """Show the status as it changes, until the program is interrupted."""
    live_status = LiveStatus()
    api = Api(url)
    # One item only, so that the stream carries little but the status.
    told = live_status.connection_lost, live_status.connection_restored
    events = follow(api, ["TIME_000001"], source, *told)
    if as_json:
        for event in events:
            if event.name == "status":
                write_json(json.loads(event.data))
        return
    console = PrintableConsole()
    with Live(get_renderable=live_status.screen, console=console, refresh_per_second=2, screen=False) as live:
        for event in events:
            if event.name == "status":
                live_status.update(msgspec.json.decode(event.data, type=Status))
                live.refresh()


class LiveStatus:
    """The newest status, when it arrived, and since when the connection is lost."""

    def __init__(self) -> None:
        self._status: Status | None = None
        self._received_at = 0.0
        self._lost_at: datetime | None = None

    def update(self, status: Status) -> None:
        """Keep a status that has just arrived."""
        self._status, self._received_at = status, monotonic()

    def connection_lost(self) -> None:
        """The connection is lost."""
        self._lost_at = datetime.now(UTC)

    def connection_restored(self) -> None:
        """The connection is back."""
        self._lost_at = None

    def screen(self) -> RenderableType:
        """Return what is shown now."""
        if self._status is None:
            return styled("waiting for the first status …", "dim")
        table = screen(self._status, monotonic() - self._received_at)
        if self._lost_at:
            table.add_row("connection", styled(f"lost since {time(self._lost_at)}, trying again", "bold red"))
        return table


def screen(status: Status, passed: float) -> Table:
    """Return the status as a table, `passed` seconds after it was taken."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    if status.source in SOURCES:
        table.add_row("source", styled(SOURCES[status.source], "bold reverse yellow"))
    table.add_row("signal", _signal(status.signal, passed))
    table.add_row("readings", _silent(status))
    table.add_row("newest", _newest(status, passed))
    table.add_row("items", _items(status))
    table.add_row("tank", _tank(status.tank, passed))
    if use := status.tank.last_use:
        table.add_row("last use", _use(use, status, passed))
        table.add_row("", styled(_said(use), "italic"))
    for row in _parts(status):
        table.add_row(*row)
    return table


def _signal(signal: Signal, passed: float) -> RenderableType:
    state = (SIGNALS.get(signal.state, signal.state), SIGNAL_STYLES.get(signal.state, "bold"))
    if signal.age_seconds is None:
        return assembled(state)
    return assembled(state, f", the station's clock is {age(signal.age_seconds + passed)} old")


def _silent(status: Status) -> RenderableType:
    silent = status.silent
    if silent.who == NOBODY:
        return styled(silent.sentence)
    return styled(f"{silent.who}: {silent.sentence}", "yellow")


def _newest(status: Status, passed: float) -> RenderableType:
    newest = status.newest
    if newest is None:
        return "nothing has come yet"
    return styled(f"{newest.item_id} {newest.name}, measured {age(newest.age_seconds + passed)} ago")


def _items(status: Status) -> str:
    unfinished = "" if status.complete else "; this worker is still reading what is known"
    return f"{status.items.measured} of {status.items.known} measured{unfinished}"


def _tank(tank: Tank, passed: float) -> RenderableType:
    if tank.level is None:
        return styled("not known")
    full = round(min(max(tank.level, 0), 100) / 100 * BAR_CELLS)
    bar = (("█" * full, "cyan"), ("░" * (BAR_CELLS - full), "dim"))
    processor = f", processor {tank.processor}" if tank.processor else ""
    measured = f", measured {age(tank.age_seconds + passed)} ago" if tank.age_seconds is not None else ""
    doing = "probably in use" if tank.in_use_since else TRENDS.get(tank.state, tank.state)
    return assembled(*bar, (f" {tank.level:g} % {doing}", "bold"), f"{processor}{measured}")


def _use(use: Use, status: Status, passed: float) -> str:
    ago = age((status.now - use.start).total_seconds() + passed)
    change = f"{use.delta_percent:+g} %, from {use.level_before:g} to {use.level_after:g} %"
    return f"{moment(use.start)} UTC, {ago} ago: {change}"


def _said(use: Use) -> str:
    words = " / ".join(line for line in (use.text or "").splitlines() if line)
    decision = DECISIONS.get(use.decision, use.decision) if use.decision else "not decided yet"
    return f"{words} ({decision})" if words else f"({decision})"


def _parts(status: Status) -> Sequence[tuple[str, RenderableType]]:
    good = [name for name, part in status.parts.items() if part.ok]
    bad = [(name, part.detail) for name, part in status.parts.items() if not part.ok]
    rows = [("parts", styled(f"{', '.join(good)}: work", "green"))] if good else []
    return rows + [(printable(name), styled(detail, "red")) for name, detail in bad]
