"""`plot`: draws an item's history in the terminal or as a PNG file."""

import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import groupby
from math import nan
from pathlib import Path
from shutil import get_terminal_size
from typing import NamedTuple

from rich.text import Text  # noqa: TID251 - what plotext draws has codes of its own

from iss_agents.cli.api import Api, Parameters
from iss_agents.cli.formatting import unit_text
from iss_agents.cli.replies import Bucket, Summary
from iss_agents.errors import UserError
from iss_agents.runtime.console import show
from iss_agents.runtime.output import write
from iss_agents.runtime.printable import printable
from iss_agents.telemetry.catalog import as_number
from iss_agents.telemetry.station_clock import rfc3339
from iss_agents.telemetry.time_expressions import instant

PICTURE_POINTS = 1000

FARTHEST = 1e300
"""Values beyond are drawn here: the difference of two must not overflow."""

SIZE_INCHES = (12, 4)

SECONDS_A_DAY = 86_400
"""matplotlib counts days since 1970."""

CELLS_A_TICK = 20
"""Columns between two times below the curve."""

SHORT = timedelta(minutes=20)
"""Up to this span, the times below the curve have seconds."""

POINTS_A_CELL = 2
"""Braille cells are two dots wide."""

MOST_COLUMNS, MOST_ROWS = 200, 40
FULL_PERCENT = 100
"""What can be full is drawn from empty to full, so that one percent is no cliff."""

ROWS_BESIDE = 3
"""Terminal lines left for the prompt and the command."""


class Curve(NamedTuple):
    """The plotted history of one item."""

    item: str
    start: datetime
    end: datetime
    summary: Summary
    source: str = ""

    @property
    def title(self) -> str:
        """Title: the item, its name and unit, and the source if it was asked for."""
        unit = f", {self.summary.unit}" if self.summary.unit else ""
        source = f" ({self.source})" if self.source else ""
        return printable(f"{self.item} {self.summary.name}{unit}{source}")

    @property
    def is_share(self) -> bool:
        """Whether it is a share of something that can be full, in percent."""
        shares = (bucket.mean is None or 0 <= bucket.mean <= FULL_PERCENT for bucket in self.summary.buckets)
        return unit_text(self.summary.unit) == "%" and all(shares)

    @property
    def steps(self) -> Iterator[list[tuple[float, float]]]:
        """Lines of (time, value) between gaps: each value holds until the next one.

        Of an item with states the last one of a bucket stands for it, for states have no mean.
        """
        for is_known, some in groupby(self.summary.buckets, lambda each: self._level(each) is not None):
            if is_known:
                yield list(self._line(list(some)))

    def _line(self, buckets: list[Bucket]) -> Iterator[tuple[float, float]]:
        width = timedelta(seconds=self.summary.bucket_seconds)
        for bucket in buckets:
            level = _drawn(self._level(bucket))
            yield max(bucket.start, self.start).timestamp(), level
            yield min(bucket.start + width, self.end).timestamp(), level

    def _level(self, bucket: Bucket) -> float | None:
        if not self.summary.states:
            return bucket.mean
        return None if bucket.last is None else as_number(bucket.last)


def plot(url: str, item: str, start: str, end: str, source: str, picture: Path | None) -> None:
    """Draw the readings of `item` in the terminal, or write them to the PNG file `picture`.

    They are those of `source`, or of the worker's feed if that is empty.

    Raises:
        UserError: there are none, they are not numeric, or the file cannot be written.
    """
    if picture and picture.suffix.lower() != ".png":
        raise UserError(f"The name {picture.name!r} should end in .png.")
    now = datetime.now(UTC)
    begin, finish = instant(start, now), instant(end, now)
    columns, rows = get_terminal_size()
    width = min(columns, MOST_COLUMNS)
    points = PICTURE_POINTS if picture else width * POINTS_A_CELL
    span: Parameters = {"from": rfc3339(begin), "to": rfc3339(finish), "points": points}
    asked: Parameters = {**span, "item": item, "source": source}
    api = Api(url)
    summary = api.ask(Summary, "/telemetry/summary", asked)
    curve = Curve(item, begin, finish, summary, source)
    _require_numbers(curve)
    curve = curve._replace(start=_beginning(api, curve))
    if picture:
        _write(picture, drawn_picture(curve))
        write(f"{picture}: {curve.summary.count:,} readings.")
    else:
        show(Text.from_ansi(drawn_text(curve, width, min(rows - ROWS_BESIDE, MOST_ROWS))))


def _beginning(api: Api, curve: Curve) -> datetime:
    """Return when the first reading was taken if nothing was known of the item before it, else the start."""
    summary, start = curve.summary, curve.start
    first = next(bucket.start for bucket in summary.buckets if bucket.last is not None)
    if summary.before is not None or first <= start:
        return start
    span: Parameters = {"from": rfc3339(start), "to": rfc3339(curve.end), "limit": 1}
    asked: Parameters = {**span, "item": curve.item, "source": curve.source}
    gaps = (api.page("/gaps", "gaps", asked)).documents
    # What was missed before it is worth seeing.
    return start if any(datetime.fromisoformat(gap["start"]) < first for gap in gaps) else first


def drawn_text(curve: Curve, width: int, height: int) -> str:
    """Return the curve of means as lines of text with colour codes."""
    from plotext import figure  # noqa: PLC0415 - each command imports what it runs

    figure.clear()
    figure.plot_size(width, height)
    figure.theme("colorless").title(curve.title)
    for line in curve.steps:
        times, levels = zip(*line, strict=True)
        figure.draw(figure.signal(times, levels, marker="braille").lines())
    below, ticks = figure.ruler("x"), _ticks(curve, max(width // CELLS_A_TICK, 1))
    below.lim(curve.start.timestamp(), curve.end.timestamp())
    if curve.is_share:
        figure.ruler("y").lim(0, FULL_PERCENT)
    below.ticks([tick.timestamp() for tick in ticks], [_label(tick, curve) for tick in ticks])
    text: str = figure.build().string()
    return text.rstrip("\n")


def drawn_picture(curve: Curve) -> bytes:
    """Return a PNG of the curve: means as a line, minimum to maximum as a band.

    Raises:
        UserError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - large, and optional
    except ImportError:
        raise UserError("Pictures need matplotlib: install it with `uv sync --group plot`.") from None
    figure = Figure(figsize=SIZE_INCHES, layout="constrained")
    axes = figure.add_subplot(
        xlabel="station time, UTC", ylabel=printable(curve.summary.unit), title=curve.title
    )
    for words in (axes.title, axes.yaxis.label):
        words.set_parse_math(False)  # a $ does not start a formula
    days = [bucket.start.timestamp() / SECONDS_A_DAY for bucket in curve.summary.buckets]
    lows = [nan if bucket.min is None else _drawn(bucket.min) for bucket in curve.summary.buckets]
    highs = [nan if bucket.max is None else _drawn(bucket.max) for bucket in curve.summary.buckets]
    axes.fill_between(days, lows, highs, step="post", alpha=0.25, linewidth=0, color="tab:blue")
    for line in curve.steps:
        times, levels = zip(*line, strict=True)
        axes.plot([time / SECONDS_A_DAY for time in times], levels, color="tab:blue")
    for begin, over in _unknown(curve):
        axes.axvspan(begin / SECONDS_A_DAY, over / SECONDS_A_DAY, hatch="//", alpha=0.15, color="gray")
    if curve.is_share:
        axes.set_ylim(0, FULL_PERCENT)
    axes.xaxis_date()
    axes.set_xlim(curve.start.timestamp() / SECONDS_A_DAY, curve.end.timestamp() / SECONDS_A_DAY)
    png = io.BytesIO()
    figure.savefig(png, format="png")
    return png.getvalue()


def _require_numbers(curve: Curve) -> None:
    span = f"between {rfc3339(curve.start)} and {rfc3339(curve.end)}"
    if all(bucket.last is None for bucket in curve.summary.buckets):
        raise UserError(f"Nothing is known of {curve.item} {span}.")
    if not any(curve.steps):
        raise UserError(f"{curve.item} has no numbers {span}: `iss-agents export` writes its texts to a file.")


def _unknown(curve: Curve) -> Iterator[tuple[float, float]]:
    for is_unknown, some in groupby(curve.summary.buckets, lambda bucket: bucket.last is None):
        starts = [bucket.start.timestamp() for bucket in some]
        if is_unknown:
            yield starts[0], starts[-1] + curve.summary.bucket_seconds


def _drawn(number: float | None) -> float:
    return min(max(number or 0.0, -FARTHEST), FARTHEST)


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
