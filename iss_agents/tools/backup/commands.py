"""`iss-agents backup` and `iss-agents restore`."""

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path

import click

from iss_agents.archive.retention import APPLY
from iss_agents.config.settings import load_settings
from iss_agents.runtime.output import say, write, write_json
from iss_agents.tools.backup.backup import backup as make_backup
from iss_agents.tools.backup.restore import restore as restore_backup

FILE = click.argument("file", type=click.Path(path_type=Path))
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.command()
@FILE
@click.option("--force", is_flag=True, help="Replace an existing file.")
@JSON
def backup(file: Path, *, force: bool, as_json: bool) -> None:
    """Write the database to FILE, compressed; workers may be running.

    Until it is complete it is called FILE.part.
    """
    made = asyncio.run(make_backup(load_settings(), file, force=force))
    if as_json:
        write_json({"file": str(file), "bytes": made.size, "documents": made.documents})
        return
    for collection, count in made.documents.items():
        write(f"{collection:12} {count:>12,}")
    write(f"{file}: {sum(made.documents.values()):,} documents in {made.size:,} bytes.")


@click.command()
@FILE
@JSON
def restore(file: Path, *, as_json: bool) -> None:
    """Store the documents of FILE that the database lacks; existing ones are kept.

    It may run while workers do, can be repeated, and changes no retention. Exit code 1 if MongoDB rejected a
    document.
    """
    done = asyncio.run(restore_backup(load_settings(), file))
    outcomes = {"restored": done.restored, "kept": done.kept, "refused": done.refused}
    if as_json:
        write_json(
            {"file": str(file), "made_at": done.made_at.isoformat(), **outcomes, "expiring": done.expiring}
        )
    else:
        write(f"{file} of {done.made_at:%Y-%m-%d %H:%M:%S} UTC:")
        for line in _lines(outcomes):
            write(line)
    if done.expiring:
        say(
            f"{done.expiring:,} readings are older than MongoDB keeps them, and expire within a minute. "
            "To have them in rollups, set a longer ISS_RETENTION_DAYS, start a worker, and restore again."
        )
    for difference in done.kept_longer:
        say(f"{difference}: to delete what is older, run {APPLY}.")
    for collection, reason in done.reasons.items():
        say(f"{collection}: MongoDB refused some, the first because of {reason}")
    sys.exit(1 if done.reasons else 0)


def _lines(outcomes: Mapping[str, Mapping[str, int]]) -> list[str]:
    rows = [["", *outcomes]]
    rows += [[name, *(f"{each[name]:,}" for each in outcomes.values())] for name in outcomes["restored"]]
    return [f"{name:12}" + "".join(f"{cell:>13}" for cell in cells) for name, *cells in rows]
