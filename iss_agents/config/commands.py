"""`iss-agents settings`: the settings in force, with secrets hidden."""

import click
from pydantic import SecretStr
from rich.box import SIMPLE
from rich.table import Table

from iss_agents.config.settings import Settings, load_settings, unknown_variables
from iss_agents.runtime.console import show
from iss_agents.runtime.output import say, write_json
from iss_agents.runtime.redaction import without_password


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def settings(*, as_json: bool) -> None:
    """Print every setting, its value and what it means; secrets are hidden."""
    in_force = load_settings()
    for sentence in unknown_variables():
        say(f"iss-agents: {sentence}")
    if as_json:
        write_json({name: shown(in_force, name) for name in Settings.model_fields})
        return
    table = Table(box=SIMPLE)
    for column in ("variable", "value", "meaning"):
        table.add_column(column, overflow="fold")
    for name, field in Settings.model_fields.items():
        table.add_row(f"ISS_{name.upper()}", shown(in_force, name), field.description)
    show(table)


def shown(in_force: Settings, name: str) -> str:
    """Return the text of a value: secrets hidden, passwords in addresses too."""
    value = getattr(in_force, name)
    if name == "mongo_url":
        return without_password(in_force.mongo_url.get_secret_value())
    if isinstance(value, SecretStr):
        return "set, hidden"
    if isinstance(value, frozenset | tuple):
        return ",".join(sorted(map(str, value)))
    return "" if value is None else without_password(str(value))
