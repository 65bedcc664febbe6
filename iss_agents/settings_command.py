"""`iss-agents settings`: what is in force, with secrets hidden."""

import json
import re
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from iss_agents.settings import Settings

PASSWORD = re.compile(
    r"(?<=://)(?P<user>[^:/?]*):.*(?=@)|(?P<option>[?&][^=&]*(?:password|properties)=)[^&]*", re.IGNORECASE
)
"""What is secret in a MongoDB address: the password, and options that carry one."""


@click.command(short_help="Print every setting in force and what it means.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def settings(*, as_json: bool) -> None:
    """Print every setting, its value and what it means; secrets are hidden."""
    from rich.box import SIMPLE  # noqa: PLC0415 - commands start fast because each imports what it needs
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    from iss_agents.settings import Settings, load_settings, unknown_variables  # noqa: PLC0415

    in_force = load_settings()
    for sentence in unknown_variables():
        click.echo(f"iss-agents: {sentence}", err=True)
    if as_json:
        click.echo(json.dumps({name: shown(in_force, name) for name in Settings.model_fields}))
        return
    table = Table(box=SIMPLE)
    for column in ("variable", "value", "meaning"):
        table.add_column(column, overflow="fold")
    for name, field in Settings.model_fields.items():
        table.add_row(f"ISS_{name.upper()}", shown(in_force, name), field.description)
    Console().print(table)


def shown(in_force: "Settings", name: str) -> str:
    """Return the text of a value: secrets hidden, passwords in addresses too."""
    from pydantic import SecretStr  # noqa: PLC0415 - as above

    value = getattr(in_force, name)
    if name == "mongo_url":
        return without_password(in_force.mongo_url.get_secret_value())
    if isinstance(value, SecretStr):
        return "set, hidden"
    if isinstance(value, frozenset | tuple):
        return ",".join(sorted(value))
    return "" if value is None else str(value)


def without_password(address: str) -> str:
    """Return MongoDB's address with `***` for what is secret in it."""
    return PASSWORD.sub(_hidden, address)


def _hidden(found: re.Match[str]) -> str:
    return f"{found['option']}***" if found["option"] else f"{found['user']}:***"
