"""`iss-agents doctor`."""

import json
import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from iss_agents.doctor.examination import Line
    from iss_agents.doctor.findings import Level

COLOURS: "dict[Level, str]" = {"ok": "green", "warning": "yellow", "failing": "red"}


@click.command(short_help="Check a deployment, and say what to do.")
@click.option("--json", "as_json", is_flag=True, help="print one JSON object")
def doctor(*, as_json: bool) -> None:
    """Check what a worker with these settings needs, and say what to do; exit code 1 if anything fails.

    It changes and posts nothing, and may run beside everything.
    """
    lines = _lines()
    good = all(line.finding.level != "failing" for line in lines)
    if as_json:
        findings = [{"subject": line.subject, **line.finding._asdict()} for line in lines]
        click.echo(json.dumps({"ok": good, "findings": findings}))
    else:
        for line in lines:
            level = click.style(f"{line.finding.level:8}", COLOURS[line.finding.level])
            click.echo(f"{level} {line.subject:11} {line.finding.sentence}")
    sys.exit(0 if good else 1)


def _lines() -> "list[Line]":
    import asyncio  # noqa: PLC0415 - commands start fast because each imports what it needs

    from iss_agents.doctor.examination import Line, examine  # noqa: PLC0415
    from iss_agents.doctor.findings import failing  # noqa: PLC0415
    from iss_agents.errors import UserError  # noqa: PLC0415
    from iss_agents.kafka_logs import quiet_kafka_logs  # noqa: PLC0415
    from iss_agents.settings import load_settings  # noqa: PLC0415

    quiet_kafka_logs()
    try:
        settings = load_settings()
    except UserError as error:
        return [Line("settings", failing(f"{str(error).rstrip('.')}: correct it, and look again."))]
    return asyncio.run(examine(settings))
