"""Report of a benchmark, as tables."""

from collections.abc import Iterator

from rich.table import Table

from iss_agents.telemetry.topics import RAW
from iss_agents.tools.bench.cost import Cost
from iss_agents.tools.bench.histogram import PERCENTILES
from iss_agents.tools.bench.item_scaling import Growth
from iss_agents.tools.bench.run import Result
from iss_agents.tools.bench.steady_load import WAYS, Load, Steady

SHARES = ("workers", "shares", "feed", "broker", "database")
STEADY_COLUMNS = ("readings/s", "database", *WAYS, *SHARES, "MB", "lag")


def tables(result: Result) -> Iterator[Table]:
    """Yield the tables for people."""
    yield _stages(result)
    if result.growth:
        yield _growth(result)
    if result.steady:
        yield _steady(result)
    if result.unmeasured:
        yield _unmeasured(result)


def _stages(result: Result) -> Table:
    table = Table(title=f"Stages on a backlog ({result.machine})")
    table.add_column("stage")
    for name in ("messages/s", "worker us", "broker us", "database us", "times bare"):
        table.add_column(name, justify="right")
    for cost in result.stages:
        table.add_row(*_stage_cells(cost))
    return table


def _stage_cells(cost: Cost) -> list[str]:
    each = [f"{cost.microseconds.get(name, 0.0):.1f}" for name in ("worker", "broker", "database")]
    return [cost.stage, f"{cost.rate:,.0f}", *each, f"{cost.ratio:.2f}" if cost.ratio else ""]


def _growth(result: Result) -> Table:
    table = Table(title="keep_last_seen over more items, and a start that restores them")
    for name in ("items", "messages/s", "worker us", "changes", "start s", "empty start s", "MB"):
        table.add_column(name, justify="right")
    for growth in result.growth:
        table.add_row(*_growth_cells(growth))
    return table


def _growth_cells(growth: Growth) -> list[str]:
    return [
        f"{growth.items:,}",
        f"{growth.cost.rate:,.0f}",
        f"{growth.cost.own:.1f}",
        f"{growth.changes:,}",
        f"{growth.start:.1f}",
        f"{growth.empty_start:.1f}",
        f"{growth.memory:.0f}",
    ]


def _steady(result: Result) -> Table:
    percentiles = "/".join(f"P{percent}" for percent in PERCENTILES)
    table = Table(title=f"Steady rates, milliseconds from ingest: {percentiles}")
    for name in STEADY_COLUMNS:
        table.add_column(name, justify="right")
    for steady in result.steady:
        table.add_row(*_steady_cells(steady))
    return table


def _steady_cells(steady: Steady) -> list[str]:
    latencies = [_milliseconds(steady, way) for way in WAYS]
    cores = [f"{steady.cores[name]:.0%}" for name in ("worker", "feed", "broker", "database")]
    halfway, end = steady.lag
    database = "real" if steady.load.kept else "acknowledges"
    return [
        _load(steady.load),
        database,
        *latencies,
        cores[0],
        "/".join(f"{share:.0%}" for share in steady.shares),
        *cores[1:],
        f"{steady.memory:.0f}",
        f"{halfway:,} > {end:,}",
    ]


def _unmeasured(result: Result) -> Table:
    table = Table("load", "why", title="Rates that could not be measured")
    for each in result.unmeasured:
        table.add_row(str(each.load), each.reason)
    return table


def _load(load: Load) -> str:
    through = (" by client apart" if load.apart else " by client") if load.client else ""
    where = "" if load.partitions == RAW.partitions else f" in {load.partitions}"
    return f"{load.rate:,.0f}{through}{where}"


def _milliseconds(steady: Steady, way: str) -> str:
    return "/".join(f"{seconds * 1000:.0f}" for seconds in steady.latencies[way].values())
