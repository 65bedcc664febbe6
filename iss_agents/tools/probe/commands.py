"""`record` writes the feed to a file; `feed-check` compares it with its documented behaviour."""

import asyncio
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from iss_agents.config.settings import Settings, load_settings
from iss_agents.feed.decode import Update
from iss_agents.runtime.console import show, styled
from iss_agents.runtime.output import say, write, write_json
from iss_agents.runtime.redaction import without_password
from iss_agents.telemetry.shards import WHOLE
from iss_agents.tools.probe.capture import listen
from iss_agents.tools.probe.conformance import Finding, compare
from iss_agents.tools.probe.record import record as record_feed

URL = click.option("--url", help="Address of the Lightstreamer server; the setting ISS_FEED_URL if not given.")
DIFFERS = 1
"""Exit code of a check that found a deviation."""


def _seconds(**attributes: Any) -> Callable[..., Any]:
    return click.option("--seconds", type=click.FloatRange(min=1), show_default=True, **attributes)


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@URL
@_seconds(help="End after this many seconds; at Ctrl-C if not given.")
def record(file: Path, url: str | None, seconds: float | None) -> None:
    """Record what the feed sends to FILE, JSON lines, gzip if its name ends in .gz."""
    tally = asyncio.run(record_feed(_settings(url), file, seconds))
    write(f"{tally} are in {file}.")


@click.command("feed-check")
@URL
@_seconds(default=60.0, help="How long to listen.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of the table.")
def feed_check(url: str | None, seconds: float, *, as_json: bool) -> None:
    """Compare what the feed sends with what is known of it; exit 1 if something differs."""
    settings = _settings(url)
    say(f"Listening to {without_password(settings.feed_url)} for {seconds:g} s.")
    updates: list[Update] = []
    tally = asyncio.run(listen(settings, seconds, updates.extend))
    listened = tally.seconds
    findings = compare(updates, listened)
    agrees = all(finding.agrees for finding in findings)
    if as_json:
        lines = [asdict(finding) for finding in findings]
        write_json(
            {
                "url": without_password(settings.feed_url),
                "seconds": round(listened, 1),
                "agrees": agrees,
                "lines": lines,
            }
        )
    else:
        _print_table(f"{without_password(settings.feed_url)}, {listened:.0f} s, {tally}", findings)
    sys.exit(0 if agrees else DIFFERS)


def _settings(url: str | None) -> Settings:
    settings = load_settings()
    # Whoever looks at a server wants all of it, whichever shard the workers of this machine take.
    whole = {"feed_shard": WHOLE}
    return settings.model_copy(update=whole | {"feed_url": url} if url else whole)


def _print_table(title: str, findings: "list[Finding]") -> None:
    table = Table("", "expected", "seen", "verdict", title=styled(title), title_justify="left")
    for finding in findings:
        verdict = styled("agrees", "green") if finding.agrees else styled("differs", "red")
        table.add_row(*map(styled, (finding.what, finding.expected, finding.seen)), verdict)
    show(table)
