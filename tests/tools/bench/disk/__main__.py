"""How much the archive writes to disk: `uv run python -m tests.tools.bench.disk [--hours 168] [--json]`.

WiredTiger itself stores, by simulated time, what MongoDB stores of 70 readings/s: documents, indexes, rollups,
packed hours and the oplog with its journal, with a cache of 256 MB. As much expires as comes. The index on item
and time has 30 days of readings, because its size counts. The items, their rate and the cache of the readings
are a tenth; so what a checkpoint writes, however little there is to store, is counted ten times.

MongoDB's timestamps are not simulated, and nobody reads meanwhile.
"""

import argparse
import json
import sys
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

from tests.tools.bench.disk.server import Server, composed
from tests.tools.bench.disk.simulation import Figures, Plan, Simulation

WARM_UP = timedelta(minutes=10)
"""Simulated, not measured: so that each hour has one hour computed, and the first pages are written."""


def say(text: str) -> None:
    """Show progress, apart from the result."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - a program for the terminal


def measure(plan: Plan, hours: int) -> Figures:
    """Return the bytes that were written in these simulated hours."""
    with TemporaryDirectory() as folder, Simulation(Path(folder), plan) as simulation:
        say(f"the database is filled after {process_time():.0f} s of processor time")
        simulation.run(WARM_UP)
        by_process, before = written_by_process(), simulation.written()
        for hour in range(1, hours + 1):
            simulation.run(WARM_UP + timedelta(hours=hour))
            written = simulation.written().since(before)
            size = per_day(written, hour, plan.part)["all of it"]
            say(f"{hour} of {hours} hours, {process_time():.0f} s: {size} GB a day")
        by_process, counted = written_by_process() - by_process, written.total + written.journal
        say(f"{by_process} bytes written by the process, {counted} by WiredTiger's count")
        return written


def written_by_process() -> int:
    """Return the bytes that this process has written, to files of any kind."""
    counts = dict(line.split(": ") for line in Path("/proc/self/io").read_text(encoding="ascii").splitlines())
    return int(counts["wchar"])


def per_day(written: Figures, hours: int, part: float) -> dict[str, float]:
    """Return the result, in gigabytes a day of the whole station."""
    sizes = {**written.tables, "all of it": written.total, "journal": written.journal}
    return {name: round(size / hours * 24 / part / 1e9, 3) for name, size in sizes.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=int, default=24, help="simulated hours")
    parser.add_argument("--items", type=int, default=34, help="how many of the 337 items")
    parser.add_argument("--retention", type=float, default=30, help="days that readings are kept")
    parser.add_argument("--defaults", action="store_true", help="MongoDB's settings, not those of compose.yaml")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args()
    server = Server() if given.defaults else composed()
    plan = Plan(given.items, retention=timedelta(days=given.retention), server=server)
    figures = per_day(measure(plan, given.hours), given.hours, plan.part)
    lines = [f"{name:30} {size:8.3f} GB a day" for name, size in figures.items()]
    print(json.dumps(figures) if given.json else "\n".join(lines))  # noqa: T201 - a program for the terminal


if __name__ == "__main__":
    main()
