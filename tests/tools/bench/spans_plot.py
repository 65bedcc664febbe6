"""Plot of how much a reading takes on disk, and how fast plots are answered, by their span."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

SIZE_INCHES = (12, 5)

TIMES = {
    "wall_ms": "until it is there",
    "cpu_ms": "processor: worker and client",
    "database_ms": "processor: database",
}


def draw(sizes: Mapping[str, float], answers: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Write the plot; the suffix of the name determines its format."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - large, and optional

    figure = Figure(figsize=SIZE_INCHES, layout="constrained")
    size, time = figure.subplots(1, 2, width_ratios=(1, 2))
    size.bar_label(size.bar(list(sizes), list(sizes.values())), fmt="%.1f")
    size.set(ylabel="bytes a reading on disk")
    for name, label in TIMES.items():
        time.plot([each["span"] for each in answers], [each[name] for each in answers], "o-", label=label)
    time.set(yscale="log", xlabel="span of a plot of at most 500 points", ylabel="ms, median of 5")
    time.legend()
    for axes in (size, time):
        axes.grid(visible=True, axis="y", alpha=0.3)
    figure.savefig(path)
