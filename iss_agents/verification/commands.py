"""`iss-agents verify`."""

import json
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from iss_agents.verification.bus import Span
    from iss_agents.verification.differences import Difference, Report

SHOWN = 20
"""Differences printed for people; `--json` has them all."""


@click.command(short_help="Compare Kafka with MongoDB and the Tables.")
@click.option(
    "--from", "start", default="-1h", help="RFC 3339 with a zone, or before now: -90s, -30m, -2h, -7d"
)
@click.option("--to", "end", default="-0s", help="The same; now if not given.")
@click.option("--json", "as_json", is_flag=True, help="print one JSON object")
def verify(start: str, end: str, *, as_json: bool) -> None:
    """Compare what Kafka holds of a span with MongoDB and the Tables; exit code 1 if anything differs.

    It may run beside a working system: what is still under way is counted apart. It keeps some 100 bytes of
    memory for each reading of the span.
    """
    import asyncio  # noqa: PLC0415 - commands start fast because each imports what it needs
    from datetime import UTC, datetime  # noqa: PLC0415

    from iss_agents.instants import instant  # noqa: PLC0415
    from iss_agents.kafka_logs import quiet_kafka_logs  # noqa: PLC0415
    from iss_agents.settings import load_settings  # noqa: PLC0415
    from iss_agents.verification import verify as verifying  # noqa: PLC0415
    from iss_agents.verification.bus import Span  # noqa: PLC0415

    quiet_kafka_logs()
    now = datetime.now(UTC)
    span = Span(instant(start, now), instant(end, now))
    report = asyncio.run(verifying.verify(load_settings(), span, _say))
    click.echo(json.dumps(_document(span, report)) if as_json else _text(report))
    sys.exit(0 if report.good else 1)


def _say(text: str) -> None:
    if sys.stderr.isatty():
        click.echo(f"{text} …", err=True)


def _document(span: "Span", report: "Report") -> dict[str, object]:
    return {
        "from": span.start.isoformat(),
        "to": span.end.isoformat(),
        "checked": report.checked,
        "underway": report.underway,
        "differences": [vars(each) for each in _sorted(report)],
    }


def _text(report: "Report") -> str:
    lines = [
        f"{place:14} {count:>10,} checked, {report.underway[place]:,} under way"
        for place, count in report.checked.items()
    ]
    differences = _sorted(report)
    lines += [f"{each.kind}: {each.place} {each.name} {each.detail}".rstrip() for each in differences[:SHOWN]]
    if len(differences) > SHOWN:
        lines.append(f"and {len(differences) - SHOWN:,} more; --json prints all")
    return "\n".join([*lines, f"{len(differences):,} differences" if differences else "Nothing differs."])


def _sorted(report: "Report") -> "list[Difference]":
    return sorted(report.differences, key=lambda each: (each.place, each.kind, each.name))
