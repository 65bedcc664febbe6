"""What a soak amounted to, as tables for people."""

from collections import defaultdict
from collections.abc import Iterator
from statistics import median

from rich.box import SIMPLE
from rich.table import Table

from iss_agents.soak.result import Met, Result


def tables(result: Result) -> Iterator[Table]:
    """Yield the table of the faults and that of what the workers used."""
    yield _faults(result)
    yield _uses(result)


def summary(result: Result) -> str:
    """Return one sentence on what went in and what came of it."""
    outcome = "; ".join(result.differences) or "nothing is lost, nothing double, all in order"
    return (
        f"{result.readings:,} readings and {result.broken} broken records in {result.seconds:.0f} s, "
        f"{len(result.faults)} faults, seed {result.seed}: {outcome}."
    )


def _faults(result: Result) -> Table:
    table = _table("Seconds from the end of a fault until all is shown, and stored", "fault")
    for column in ("times", "shown, median", "shown, most", "stored, median", "stored, most"):
        table.add_column(column, justify="right")
    by_name: defaultdict[str, list[Met]] = defaultdict(list)
    for met in result.faults:
        by_name[met.fault].append(met)
    for name, each in sorted(by_name.items()):
        shown, stored = [met.shown for met in each], [met.stored for met in each]
        figures = (median(shown), max(shown), median(stored), max(stored))
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
