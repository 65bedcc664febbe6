"""`iss-agents invalid`."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from iss_agents.invalids.retry import Seen
    from iss_agents.verification.bus import Span

SHOWN = 100
"""Things listed for people, the newest; `--json` has them all."""

SHOWN_PAYLOAD = 80
"""Characters of a payload that are shown."""


@click.command(short_help="List what was invalid, and send it again after a fix.")
@click.option(
    "--from", "start", default="-24h", help="RFC 3339 with a zone, or before now: -90s, -30m, -2h, -7d"
)
@click.option("--to", "end", default="-0s", help="The same; now if not given.")
@click.option("--retry", is_flag=True, help="Send again what validates now. Nothing is stored twice.")
@click.option("--json", "as_json", is_flag=True, help="print one JSON object")
def invalid(start: str, end: str, *, retry: bool, as_json: bool) -> None:
    """List what did not validate in a span of time: where it stood, why, and what it was."""
    import asyncio  # noqa: PLC0415 - commands start fast because each imports what it needs
    from datetime import UTC, datetime  # noqa: PLC0415

    from iss_agents.instants import instant  # noqa: PLC0415
    from iss_agents.invalids.retry import seen  # noqa: PLC0415
    from iss_agents.kafka_logs import quiet_kafka_logs  # noqa: PLC0415
    from iss_agents.settings import load_settings  # noqa: PLC0415
    from iss_agents.verification.bus import Span  # noqa: PLC0415

    quiet_kafka_logs()
    now = datetime.now(UTC)
    span = Span(instant(start, now), instant(end, now))

    async def rows() -> list[dict[str, object]]:
        return [_row(one) async for one in seen(load_settings(), span, retry=retry)]

    found = asyncio.run(rows())
    click.echo(json.dumps(_document(span, found)) if as_json else _text(found))


def _row(one: "Seen") -> dict[str, object]:
    kept = one.kept
    text = kept.payload[: 4 * SHOWN_PAYLOAD].decode(errors="replace")
    return {
        "invalid_id": kept.invalid_id,
        "found": kept.found.isoformat(timespec="milliseconds"),
        "place": kept.place,
        "stage": kept.stage,
        "reason": kept.reason,
        "error": kept.error,
        "payload": text[:SHOWN_PAYLOAD] + ("…" if len(text) > SHOWN_PAYLOAD else ""),
        "bytes": len(kept.payload),
        "outcome": one.outcome,
        "why": one.why,
    }


def _counts(rows: Iterable[dict[str, object]]) -> list[dict[str, object]]:
    counted = Counter((str(row["stage"]), str(row["reason"]), str(row["outcome"])) for row in rows)
    return [
        {"stage": stage, "reason": reason, "outcome": outcome, "count": count}
        for (stage, reason, outcome), count in counted.most_common()
    ]


def _document(span: "Span", rows: Sequence[dict[str, object]]) -> dict[str, object]:
    return {
        "from": span.start.isoformat(),
        "to": span.end.isoformat(),
        "counts": _counts(rows),
        "invalid": rows,
    }


def _text(rows: Sequence[dict[str, object]]) -> str:
    if not rows:
        return "Nothing was invalid."
    lines = [
        f"{each['count']:>8,} {each['stage']} {each['reason']}, {each['outcome']}" for each in _counts(rows)
    ]
    if len(rows) > SHOWN:
        lines.append(f"the newest {SHOWN} of {len(rows):,}; --json prints all")
    for row in rows[-SHOWN:]:
        lines += ["", f"{row['found']} {row['place']} ({row['stage']}, {row['reason']}, {row['outcome']})"]
        lines += [f"  {row['why'] or row['error']}", f"  {row['payload']!r} {row['bytes']} bytes"]
    return "\n".join(lines)
