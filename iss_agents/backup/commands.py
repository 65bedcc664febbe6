"""`iss-agents backup` and `iss-agents restore`."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

import click

FILE = click.argument("file", type=click.Path(path_type=Path))
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.command(short_help="Write all of the database into one file.")
@FILE
@click.option("--force", is_flag=True, help="Replace the file if it is there.")
@JSON
def backup(file: Path, *, force: bool, as_json: bool) -> None:
    """Write every document of the database into FILE, compressed, beside running workers.

    Until it is whole it is called FILE.part.
    """
    import asyncio  # noqa: PLC0415 - commands start fast because each imports what it needs

    from iss_agents.backup.backup import backup as make_backup  # noqa: PLC0415
    from iss_agents.settings import load_settings  # noqa: PLC0415

    made = asyncio.run(make_backup(load_settings(), file, force=force))
    if as_json:
        click.echo(json.dumps({"file": str(file), "bytes": made.size, "documents": made.documents}))
        return
    for collection, count in made.documents.items():
        click.echo(f"{collection:10} {count:>12,}")
    click.echo(f"{file}: {sum(made.documents.values()):,} documents in {made.size:,} bytes.")


@click.command(short_help="Store what the database lacks of a backup.")
@FILE
@JSON
def restore(file: Path, *, as_json: bool) -> None:
    """Store the documents of FILE that the database lacks; what is there already stays as it is.

    It may run beside workers, and again. Exit code 1 if MongoDB refused a document.
    """
    import asyncio  # noqa: PLC0415 - as above

    from iss_agents.backup.restore import restore as restore_backup  # noqa: PLC0415
    from iss_agents.settings import load_settings  # noqa: PLC0415

    done = asyncio.run(restore_backup(load_settings(), file))
    outcomes = {"restored": done.restored, "kept": done.kept, "refused": done.refused}
    if as_json:
        click.echo(json.dumps({"file": str(file), "made_at": done.made_at.isoformat(), **outcomes}))
    else:
        click.echo(f"{file} of {done.made_at:%Y-%m-%d %H:%M:%S} UTC:")
        click.echo(_text(outcomes))
    for collection, reason in done.reasons.items():
        click.echo(f"{collection}: MongoDB refused some, the first because of {reason}", err=True)
    sys.exit(1 if done.reasons else 0)


def _text(outcomes: Mapping[str, Mapping[str, int]]) -> str:
    rows = [["", *outcomes]]
    rows += [[name, *(f"{each[name]:,}" for each in outcomes.values())] for name in outcomes["restored"]]
    return "\n".join(f"{name:10}" + "".join(f"{cell:>13}" for cell in cells) for name, *cells in rows)
