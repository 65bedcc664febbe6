"""`plot`: an item's history as a curve, in the terminal or as a picture."""

import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import get_terminal_size
from typing import NamedTuple

import click
from rich.text import Text

from iss_agents.errors import UserError
from iss_agents.instants import instant
from iss_agents.station_clock import rfc3339
from iss_agents.terminal.answers import Bucket, Summary
from iss_agents.terminal.client import Api, Parameters
from iss_agents.terminal.paper import show

PICTURE_POINTS = 1000
SIZE_INCHES = (12, 4)

SECONDS_A_DAY = 86_400
"""matplotlib counts days since 1970."""

CELLS_A_TICK = 20
"""Columns between two times below the curve."""

SHORT = timedelta(minutes=20)
"""Spans up to this have seconds in the times below the curve."""

POINTS_A_CELL = 2
"""Braille cells are two dots wide."""

MOST_COLUMNS, MOST_ROWS = 200, 40
ROWS_BESIDE = 3
"""Lines of the terminal that are left for the prompt and what was typed."""


class Curve(NamedTuple):
    """What is drawn of one item between two times."""

    item: str
    start: datetime
    end: datetime
    summary: Summary

    @property
    def title(self) -> str:
        """What the curve is of."""
        unit = f", {self.summary.unit}" if self.summary.unit else ""
        return f"{self.item} {self.summary.name}{unit}"

    @property
    def buckets(self) -> list[Bucket]:
        """Those that have numbers."""
        return [bucket for bucket in self.summary.buckets if bucket.mean is not None]


async def plot(url: str, item: str, start: str, end: str, picture: Path | None) -> None:
    """Draw the readings of `item` on the terminal, or write them to `picture`, a PNG.

    Raises:
        UserError: there are none, they are no numbers, or the picture cannot be written.
    """
    if picture and picture.suffix.lower() != ".png":
        raise UserError(f"The name {picture.name!r} should end in .png.")
    now = datetime.now(UTC)
    begin, finish = instant(start, now), instant(end, now)
    columns, rows = get_terminal_size()
    width = min(columns, MOST_COLUMNS)
    points = PICTURE_POINTS if picture else width * POINTS_A_CELL
    asked: Parameters = {"item": item, "from": rfc3339(begin), "to": rfc3339(finish), "points": points}
    async with Api(url) as api:
        curve = Curve(item, begin, finish, await api.ask(Summary, "/telemetry/summary", asked))
    _require_numbers(curve)
    if picture:
        _write(picture, drawn_picture(curve))
        click.echo(f"{picture}: {curve.summary.count:,} readings.")
    else:
        show(Text.from_ansi(drawn_text(curve, width, min(rows - ROWS_BESIDE, MOST_ROWS))))


def drawn_text(curve: Curve, width: int, height: int) -> str:
    """Return the curve of means as lines of text with colour codes."""
    from plotext import figure  # noqa: PLC0415 - each command imports what it runs

    figure.clear()
    figure.plot_size(width, height)
    figure.theme("colorless").title(curve.title)
    times, levels = zip(*_steps(curve), strict=True)
    figure.draw(figure.signal(times, levels, marker="braille").lines())
    below, ticks = figure.ruler("x"), _ticks(curve, max(width // CELLS_A_TICK, 1))
    below.lim(curve.start.timestamp(), curve.end.timestamp())
    below.ticks([tick.timestamp() for tick in ticks], [_label(tick, curve) for tick in ticks])
    text: str = figure.build().string()
    return text.rstrip("\n")


def drawn_picture(curve: Curve) -> bytes:
    """Return a PNG of the curve: means as a line, least to greatest as a band.

    Raises:
        UserError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - large, and optional
    except ImportError:
        raise UserError("Pictures need matplotlib: install it with `uv sync --group plot`.") from None
    figure = Figure(figsize=SIZE_INCHES, layout="constrained")
    axes = figure.add_subplot(xlabel="station time, UTC", ylabel=curve.summary.unit, title=curve.title)
    days = [bucket.start.timestamp() / SECONDS_A_DAY for bucket in curve.buckets]
    lows = [bucket.min or 0.0 for bucket in curve.buckets]
    highs = [bucket.max or 0.0 for bucket in curve.buckets]
    axes.fill_between(days, lows, highs, step="post", alpha=0.25, linewidth=0)
    times, levels = zip(*_steps(curve), strict=True)
    axes.plot([time / SECONDS_A_DAY for time in times], levels)
    axes.xaxis_date()
    axes.set_xlim(curve.start.timestamp() / SECONDS_A_DAY, curve.end.timestamp() / SECONDS_A_DAY)
    png = io.BytesIO()
    figure.savefig(png, format="png")
    return png.getvalue()


def _require_numbers(curve: Curve) -> None:
    span = f"between {rfc3339(curve.start)} and {rfc3339(curve.end)}"
    if not curve.summary.count:
        raise UserError(f"There are no readings of {curve.item} {span}.")
    if not curve.buckets:
        raise UserError(f"{curve.item} has no numbers {span}: `iss-agents export` writes its texts to a file.")


def _steps(curve: Curve) -> Iterator[tuple[float, float]]:
    # The feed sends an item when it changes, so a value holds until the next one.
    held: float | None = None
    for bucket in curve.buckets:
        if held is not None:
            yield bucket.start.timestamp(), held
        held = bucket.mean or 0.0
        yield bucket.start.timestamp(), held
    if held is not None:
        shown = curve.buckets[-1].start + timedelta(seconds=curve.summary.bucket_seconds)
        yield min(shown, curve.end).timestamp(), held


def _ticks(curve: Curve, count: int) -> list[datetime]:
    return [curve.start + (curve.end - curve.start) * place / count for place in range(count + 1)]


def _label(tick: datetime, curve: Curve) -> str:
    span = curve.end - curve.start
    if span > timedelta(days=1):
        return f"{tick:%m-%d %H:%M}"
    return f"{tick:%H:%M}" if span > SHORT else f"{tick:%H:%M:%S}"


def _write(picture: Path, png: bytes) -> None:
    try:
        picture.write_bytes(png)
    except OSError as error:
        raise UserError(f"Cannot write {picture} ({error.strerror}).") from error
