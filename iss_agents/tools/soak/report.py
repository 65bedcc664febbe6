"""Report of a soak, as tables for people."""

from collections import defaultdict
from collections.abc import Iterator
from statistics import median

from rich.box import SIMPLE
from rich.table import Table

from iss_agents.tools.soak.result import FaultResult, Result

RECOVERIES = ("shown", "stored", "heard")
"""Fields of Met."""


def tables(result: Result) -> Iterator[Table]:
    """Yield the table of faults and the table of resource use."""
    yield _faults(result)
    yield _uses(result)


def summary(result: Result) -> str:
    """Return one sentence about what was sent and the outcome."""
    outcome = "; ".join(result.differences) or "nothing is lost, nothing double, all in order"
    return (
        f"{result.readings:,} readings and {result.broken} broken records in {result.seconds:.0f} s, "
        f"{len(result.faults)} faults, seed {result.seed}: {outcome}."
    )


def _faults(result: Result) -> Table:
    table = _table("Seconds from the end of a fault until all is shown, stored, and the station heard", "fault")
    for column in ("times", *(f"{what}, {which}" for what in RECOVERIES for which in ("median", "most"))):
        table.add_column(column, justify="right")
    by_name: defaultdict[str, list[FaultResult]] = defaultdict(list)
    for met in result.faults:
        by_name[met.fault].append(met)
    for name, each in sorted(by_name.items()):
        times = [[float(getattr(met, what)) for met in each] for what in RECOVERIES]
        figures = (figure for all_ in times for figure in (median(all_), max(all_)))
        table.add_row(name, str(len(each)), *(f"{figure:.1f}" for figure in figures))
    return table


def _uses(result: Result) -> Table:
    table = _table(f"Used by the workers; the supervisor started {result.restarts} again", "worker")
    for column in ("what", "first tenth", "last tenth", "most"):
        table.add_column(column, justify="right")
    for worker, uses in result.uses.items():
        for name, use in uses.items():
            table.add_row(worker, name, *(f"{figure:.0f}" for figure in use))
    return table


def _table(title: str, first: str) -> Table:
    table = Table(title=title, box=SIMPLE)
    table.add_column(first, no_wrap=True)
    return table
