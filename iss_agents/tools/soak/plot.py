"""Plot of a soak: memory, open files, tasks and consumer lag over time, with every fault."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from iss_agents.errors import UserError
from iss_agents.tools.soak.result import FaultResult
from iss_agents.tools.soak.samples import Sample

SIZE_INCHES = (14, 14)
ROWS = {
    "memory": "resident memory, MB",
    "files": "open files",
    "tasks": "tasks of the event loop",
    "agents_lag": "lag of the agents, records",
    "archive_lag": "lag of the archive, records",
}
"""Field of Sample -> label of its axis."""


def draw(series: Mapping[str, Sequence[Sample]], met: Sequence[FaultResult], path: Path) -> None:
    """Write the plot; the suffix of the name determines its format.

    Raises:
        UserError: matplotlib is not installed, or the file cannot be written.
    """
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - large, and optional
    except ImportError:
        raise UserError("Plots need matplotlib: install it with `uv sync --group plot`.") from None
    figure = Figure(figsize=SIZE_INCHES, layout="constrained")
    all_axes = figure.subplots(len(ROWS), 1, sharex=True)
    for axes, (field, label) in zip(all_axes, ROWS.items(), strict=True):
        for worker, samples in series.items():
            times = [sample.at for sample in samples]
            axes.plot(times, [getattr(sample, field) for sample in samples], ".", label=worker, markersize=3)
        for one in met:
            axes.axvspan(one.at, one.at + one.seconds, color="tab:red", alpha=0.15)
        axes.set_ylabel(label)
        axes.margins(y=0.1)
        axes.set_ylim(bottom=0)
    for one in met:
        all_axes[0].annotate(one.fault, (one.at, 0), rotation=90, fontsize=7, va="bottom")
    all_axes[0].legend(loc="upper left")
    all_axes[-1].set_xlabel("seconds; faults in red")
    try:
        figure.savefig(path)
    except (OSError, ValueError) as error:
        raise UserError(f"Cannot write {path} ({error}): choose another name ending in .png.") from error
