"""Plot of a benchmark: latency and processor time against the rate."""

from collections.abc import Sequence
from pathlib import Path

from iss_agents.errors import UserError
from iss_agents.tools.bench.steady_load import WAYS, Load, Steady

SIZE_INCHES = (12, 5)


def draw(steady: Sequence[Steady], path: Path) -> None:
    """Write the plot; the suffix of the name determines its format.

    Raises:
        UserError: matplotlib is not installed, or the file cannot be written.
    """
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - large, and optional
    except ImportError:
        raise UserError("Plots need matplotlib: install it with `uv sync --group plot`.") from None
    shown = [each for each in steady if each.load == Load(each.load.rate, kept=False)]
    rates = [each.load.rate for each in shown]
    figure = Figure(figsize=SIZE_INCHES, layout="constrained")
    late, cores = figure.subplots(1, 2)
    for way in WAYS:
        late.plot(rates, [each.latencies[way][99] * 1000 for each in shown], "o-", label=way)
    late.set(xscale="log", yscale="log", xlabel="readings a second", ylabel="ms from ingest, P99")
    for name in ("worker", "feed", "broker"):
        cores.plot(rates, [each.cores[name] * 100 for each in shown], "o-", label=name)
    cores.set(xscale="log", xlabel="readings a second", ylabel="% of a core", ylim=(0, 100))
    for axes in (late, cores):
        axes.legend()
        axes.grid(visible=True, alpha=0.3)
    try:
        figure.savefig(path)
    except (OSError, ValueError) as error:
        raise UserError(f"Cannot write {path} ({error}): choose another name ending in .png.") from error
