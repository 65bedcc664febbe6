"""`record` writes what the feed sends to a file; `feed-check` compares it with what is known."""

import asyncio
import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from iss_agents.feed.check import Finding
    from iss_agents.settings import Settings

URL = click.option("--url", help="Address of the Lightstreamer server; the setting ISS_FEED_URL if not given.")
DIFFERS = 1
"""Exit code of a check in which something is not as it was known."""


def _seconds(**attributes: Any) -> Callable[..., Any]:
    return click.option("--seconds", type=click.FloatRange(min=1), show_default=True, **attributes)


@click.command(short_help="Record what the feed sends to a file.")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@URL
@_seconds(help="End after this many seconds; at Ctrl-C if not given.")
def record(file: Path, url: str | None, seconds: float | None) -> None:
    """Record what the feed sends to FILE, JSON lines, gzip if its name ends in .gz."""
    from iss_agents.feed.record import record as record_feed  # noqa: PLC0415 - starts the library's threads

    tally = asyncio.run(record_feed(_settings(url), file, seconds))
    click.echo(f"{tally} are in {file}.")


@click.command("feed-check", short_help="Compare what the feed sends with what is known of it.")
@URL
@_seconds(default=60.0, help="How long to listen.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of the table.")
def feed_check(url: str | None, seconds: float, *, as_json: bool) -> None:
    """Compare what the feed sends with what is known of it; exit 1 if something differs."""
    from iss_agents.feed.check import compare  # noqa: PLC0415 - as above
    from iss_agents.feed.listening import listen  # noqa: PLC0415
    from iss_agents.feed.update import Update  # noqa: PLC0415

    settings = _settings(url)
    updates: list[Update] = []
    tally = asyncio.run(listen(settings, seconds, updates.extend))
    listened = tally.seconds_until(datetime.now(UTC))
    findings = compare(updates, listened)
    agrees = all(finding.agrees for finding in findings)
    if as_json:
        lines = [asdict(finding) for finding in findings]
        click.echo(
            json.dumps(
                {"url": settings.feed_url, "seconds": round(listened, 1), "agrees": agrees, "lines": lines}
            )
        )
    else:
        _print_table(f"{settings.feed_url}, {listened:.0f} s, {tally}", findings)
    sys.exit(0 if agrees else DIFFERS)


def _settings(url: str | None) -> "Settings":
    from iss_agents.settings import load_settings  # noqa: PLC0415 - as above
    from iss_agents.shard import WHOLE  # noqa: PLC0415

    settings = load_settings()
    # Whoever looks at a server wants all of it, whichever shard the workers of this machine take.
    whole = {"feed_shard": WHOLE}
    return settings.model_copy(update=whole | {"feed_url": url} if url else whole)


def _print_table(title: str, findings: "list[Finding]") -> None:
    from rich.console import Console  # noqa: PLC0415 - only a person needs it
    from rich.table import Table  # noqa: PLC0415

    table = Table("", "expected", "seen", "verdict", title=title, title_justify="left")
    for finding in findings:
        verdict = "[green]agrees" if finding.agrees else "[red]differs"
        table.add_row(finding.what, finding.expected, finding.seen, verdict)
    Console().print(table)
