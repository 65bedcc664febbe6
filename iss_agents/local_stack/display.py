"""Display of a run: progress while it starts, then a live status."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

from rich.live import Live
from rich.progress import Progress
from rich.table import Table

from iss_agents.local_stack.stack import Announce
from iss_agents.local_stack.worker_metrics import Figures, Post
from iss_agents.runtime.console import PrintableConsole, styled
from iss_agents.telemetry.plain_words import DECISIONS, SIGNALS

UNKNOWN = "not known yet"

LINE_EVERY = 10.0
"""Seconds between two lines where there is no terminal to redraw."""


@dataclass(frozen=True)
class Status:
    """Status of a run. `rate` is in updates per second; `troubles` maps failing components to their details."""

    figures: Figures
    rate: float
    tank_level: str | None
    newest_post: Post | None
    troubles: dict[str, str]
    address: str


class Screen(Announce):
    """Shows a run on a console: redrawn on a terminal, plain lines elsewhere."""

    def __init__(self, console: PrintableConsole) -> None:
        self._console = console
        self._live = Live(console=console, auto_refresh=False)
        self._progress: Progress | None = None
        self._next_line = 0.0

    def fetched(self, count: int, total: int) -> None:
        if self._progress is None:
            self.say("Fetching Apache Kafka from Maven Central, once (45 MB)")
            self._progress = Progress(console=self._console, disable=not self._console.is_terminal)
            self._progress.add_task("Apache Kafka", total=total)
            self._progress.start()
        self._progress.update(self._progress.task_ids[0], completed=count)

    def started(self, name: str, seconds: float) -> None:
        self.say(f"{name} answers after {seconds:.1f} s")

    def storage_set_aside(self, kept: Path) -> None:
        self.say(
            f"The database could not open its storage: that is kept as {kept}, "
            "and a fresh one is filled with what Kafka has of the last 7 days"
        )

    def say(self, sentence: str) -> None:
        """Print one line, after any progress bar."""
        if self._progress:
            self._progress.stop()
        self._console.print(styled(sentence), soft_wrap=True)

    def show(self, status: Status) -> None:
        """Redraw the status, or print it as a line every `LINE_EVERY` seconds."""
        if self._console.is_terminal:
            self._live.start()
            self._live.update(_table(status), refresh=True)
        elif monotonic() >= self._next_line:
            self._next_line = monotonic() + LINE_EVERY
            self.say(", ".join(f"{name} {value}" for name, value in rows(status).items()))

    def close(self) -> None:
        """Leave the last status on the screen and restore the cursor."""
        if self._progress:
            self._progress.stop()
        self._live.stop()


def rows(status: Status) -> dict[str, str]:
    """Return the shown values by their labels."""
    figures = status.figures
    return {
        "updates/s": f"{status.rate:.1f}",
        "items known": str(figures.items),
        "newest": _clock(figures.last_update),
        "stored": str(figures.archived),
        "consumer lag": str(figures.lag),
        "signal": _signal(figures),
        "tank": UNKNOWN if status.tank_level is None else f"{status.tank_level} %",
        "uses since start": str(figures.uses),
        "newest post": _post(status.newest_post),
        **status.troubles,
        "page": status.address,
    }


def _table(status: Status) -> Table:
    table = Table.grid(padding=(0, 2))
    for name, value in rows(status).items():
        table.add_row(styled(name, "red" if name in status.troubles else "bold"), styled(value))
    return table


def _signal(figures: Figures) -> str:
    if not figures.last_update or not figures.items:
        return UNKNOWN
    return SIGNALS["AOS" if figures.signal_acquired else "LOS"]


def _post(post: Post | None) -> str:
    if post is None:
        return "none yet"
    lines = [line for line in post.text.splitlines() if line]
    return f"{' / '.join(lines)} ({DECISIONS.get(post.decision, post.decision)})"


def _clock(unix_time: float) -> str:
    return f"{datetime.fromtimestamp(unix_time, UTC):%H:%M:%S} UTC" if unix_time else UNKNOWN
