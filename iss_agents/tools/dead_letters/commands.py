"""`iss-agents invalid`."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import click

from iss_agents.config.settings import load_settings
from iss_agents.kafka.clients import quiet_kafka_logs
from iss_agents.kafka.reader import Span
from iss_agents.runtime.output import write, write_json
from iss_agents.telemetry.time_expressions import FORMS, instant
from iss_agents.tools.dead_letters.service import Inspected, inspect

SHOWN = 100
"""Things listed for people, the newest; `--json` has them all."""

SHOWN_PAYLOAD = 80
"""Characters of a payload that are shown."""


@click.command()
@click.option("--from", "start", default="-24h", help=FORMS)
@click.option("--to", "end", default="-0s", help="Likewise; now by default.")
@click.option("--retry", is_flag=True, help="Send again what validates now. Nothing is stored twice.")
@click.option("--json", "as_json", is_flag=True, help="print one JSON object")
def invalid(start: str, end: str, *, retry: bool, as_json: bool) -> None:
    """List the dead letters of a span: where each record was, why it is invalid, and its payload."""
    quiet_kafka_logs()
    now = datetime.now(UTC)
    span = Span(instant(start, now), instant(end, now))

    async def rows() -> list[dict[str, object]]:
        return [_row(one) async for one in inspect(load_settings(), span, retry=retry)]

    found = asyncio.run(rows())
    if as_json:
        write_json(_document(span, found))
        return
    for line in _lines(found):
        write(line)


def _row(one: Inspected) -> dict[str, object]:
    dead_letter = one.dead_letter
    text = dead_letter.payload[: 4 * SHOWN_PAYLOAD].decode(errors="replace")
    return {
        "invalid_id": dead_letter.invalid_id,
        "found": dead_letter.found.isoformat(timespec="milliseconds"),
        "place": dead_letter.place,
        "stage": dead_letter.stage,
        "reason": dead_letter.reason,
        "error": dead_letter.error,
        "payload": text[:SHOWN_PAYLOAD] + ("…" if len(text) > SHOWN_PAYLOAD else ""),
        "bytes": len(dead_letter.payload),
        "outcome": one.outcome,
        "why": one.why,
    }


def _counts(rows: Iterable[dict[str, object]]) -> list[dict[str, object]]:
    counted = Counter((str(row["stage"]), str(row["reason"]), str(row["outcome"])) for row in rows)
    return [
        {"stage": stage, "reason": reason, "outcome": outcome, "count": count}
        for (stage, reason, outcome), count in counted.most_common()
    ]


def _document(span: Span, rows: Sequence[dict[str, object]]) -> dict[str, object]:
    return {
        "from": span.start.isoformat(),
        "to": span.end.isoformat(),
        "counts": _counts(rows),
        "invalid": rows,
    }


def _lines(rows: Sequence[dict[str, object]]) -> list[str]:
    if not rows:
        return ["Nothing was invalid."]
    lines = [
        f"{each['count']:>8,} {each['stage']} {each['reason']}, {each['outcome']}" for each in _counts(rows)
    ]
    if len(rows) > SHOWN:
        lines.append(f"the newest {SHOWN} of {len(rows):,}; --json prints all")
    for row in rows[-SHOWN:]:
        lines += ["", f"{row['found']} {row['place']} ({row['stage']}, {row['reason']}, {row['outcome']})"]
        lines += [f"  {row['why'] or row['error']}", f"  {row['payload']!r} {row['bytes']} bytes"]
    return lines
