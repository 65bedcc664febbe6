"""`iss-agents settings`: what is in force, with secrets hidden."""

import json

import click
from pydantic import SecretStr
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from iss_agents.settings import Settings, load_settings


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def settings(*, as_json: bool) -> None:
    """Print every setting, its value and what it means; secrets are hidden."""
    in_force = load_settings()
    if as_json:
        click.echo(json.dumps({name: shown(in_force, name) for name in Settings.model_fields}))
        return
    table = Table(box=SIMPLE)
    for column in ("variable", "value", "meaning"):
        table.add_column(column, overflow="fold")
    for name, field in Settings.model_fields.items():
        table.add_row(f"ISS_{name.upper()}", shown(in_force, name), field.description)
    Console().print(table)


def shown(in_force: Settings, name: str) -> str:
    """Return the text of a value: secrets hidden, passwords in addresses too."""
    value = getattr(in_force, name)
    if isinstance(value, SecretStr):
        return "set, hidden"
    if isinstance(value, frozenset):
        return ",".join(sorted(value))
    return "" if value is None else str(value)
