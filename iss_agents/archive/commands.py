"""`iss-agents rewind` and `iss-agents retention`."""

import asyncio
import logging
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

import click

from iss_agents.archive import reset_offsets as rewinding
from iss_agents.archive.change_retention import Older, change, compare
from iss_agents.archive.retention import in_days, in_words
from iss_agents.config.settings import load_settings
from iss_agents.errors import UserError
from iss_agents.runtime.output import say, write, write_json
from iss_agents.telemetry.time_expressions import FORMS, instant


@click.command()
@click.argument("consumer", type=click.Choice(["archive"]))
@click.option("--to", "to", required=True, help=FORMS)
@click.option("--json", "as_json", is_flag=True, help="print one JSON object")
def rewind(consumer: str, to: str, *, as_json: bool) -> None:
    """Reset the offsets of a stopped CONSUMER: at its next start it reads Kafka again from the given time."""
    # The command itself prints connection errors, in one sentence.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    time = instant(to, datetime.now(UTC))
    rewound = asyncio.run(rewinding.rewind(load_settings(), time))
    if as_json:
        write_json({"consumer": consumer, "to": time.isoformat(), **rewound._asdict()})
        return
    write(
        f"The {consumer} will read {rewound.records} records of {rewound.partitions} partitions again, "
        f"starting at {time:%Y-%m-%d %H:%M:%S} UTC."
    )


@click.command()
@click.option("--apply", "is_applied", is_flag=True, help="Apply the retentions that the settings ask for.")
@click.option("--yes", is_flag=True, help="Do not ask before documents are deleted.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def retention(*, is_applied: bool, yes: bool, as_json: bool) -> None:
    """Show how long MongoDB keeps documents, and what the settings (ISS_RETENTION_DAYS and others) ask for.

    A worker lengthens a retention when it starts; only --apply shortens one.
    """
    settings = load_settings()
    found = asyncio.run(compare(settings))
    _show(found, as_json=as_json)
    if is_applied:
        _require_consent(found, yes=yes)
        asyncio.run(change(settings))
        say("The retentions asked for are in force.")


def _show(found: Sequence[Older], *, as_json: bool) -> None:
    if as_json:
        rows = {
            each.collection: {
                "in_force_days": in_days(each.in_force),
                "asked_days": in_days(each.asked),
                "older_documents": count,
            }
            for each, count in found
        }
        write_json(rows)
        return
    write(f"{'':12} {'in force':>15} {'asked for':>15} {'documents older':>16}")
    for each, count in found:
        cells = in_words(each.in_force), in_words(each.asked)
        write(f"{each.collection:12} {cells[0]:>15} {cells[1]:>15} {count:>16,}")


def _require_consent(found: Sequence[Older], *, yes: bool) -> None:
    if yes or not any(each.would_shorten for each, _ in found):
        return
    total = sum(count for _, count in found)
    if not sys.stdin.isatty():
        raise UserError(f"This deletes {total:,} documents, and others as they expire: add --yes to confirm.")
    click.confirm(f"Delete {total:,} documents, and others as they expire?", abort=True, err=True)
