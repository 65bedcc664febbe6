"""`iss-agents verify`."""

import asyncio
import sys
from datetime import UTC, datetime

import click

from iss_agents.config.settings import load_settings
from iss_agents.kafka.clients import quiet_kafka_logs
from iss_agents.kafka.reader import Span
from iss_agents.runtime.output import say, write, write_json
from iss_agents.telemetry.time_expressions import FORMS, instant
from iss_agents.tools.verification import verify as verifying
from iss_agents.tools.verification.report import Difference, Report

SHOWN = 20
"""Differences printed for people; `--json` has them all."""


@click.command()
@click.option("--from", "start", default="-1h", help=FORMS)
@click.option("--to", "end", default="-0s", help="Likewise; now by default.")
@click.option("--json", "as_json", is_flag=True, help="print one JSON object")
def verify(start: str, end: str, *, as_json: bool) -> None:
    """Compare a span of Kafka with MongoDB and the Tables; exit code 1 if anything differs.

    It may run while workers do: records still in progress are counted separately. Readings whose documents have
    expired are looked up in the packed hours.
    """
    quiet_kafka_logs()
    now = datetime.now(UTC)
    span = Span(instant(start, now), instant(end, now))
    report = asyncio.run(verifying.verify(load_settings(), span, _say))
    if as_json:
        write_json(_document(span, report))
    else:
        for line in _lines(report):
            write(line)
    sys.exit(0 if report.good else 1)


def _say(text: str) -> None:
    if sys.stderr.isatty():
        say(f"{text} …")


def _document(span: Span, report: Report) -> dict[str, object]:
    return {
        "from": span.start.isoformat(),
        "to": span.end.isoformat(),
        "checked": report.checked,
        "underway": report.underway,
        "differences": [vars(each) for each in _sorted(report)],
    }


def _lines(report: Report) -> list[str]:
    lines = [
        f"{place:14} {count:>10,} checked, {report.underway[place]:,} under way"
        for place, count in report.checked.items()
    ]
    differences = _sorted(report)
    lines += [f"{each.kind}: {each.place} {each.name} {each.detail}".rstrip() for each in differences[:SHOWN]]
    if len(differences) > SHOWN:
        lines.append(f"and {len(differences) - SHOWN:,} more; --json prints all")
    return [*lines, f"{len(differences):,} differences" if differences else "Nothing differs."]


def _sorted(report: Report) -> "list[Difference]":
    return sorted(report.differences, key=lambda each: (each.place, each.kind, each.name))
