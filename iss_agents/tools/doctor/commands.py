"""`iss-agents doctor`."""

import asyncio
import sys

import click

from iss_agents.config.settings import load_settings
from iss_agents.errors import UserError
from iss_agents.kafka.clients import quiet_kafka_logs
from iss_agents.runtime.console import assembled, show
from iss_agents.runtime.output import write_json
from iss_agents.tools.doctor.checks import Line, examine
from iss_agents.tools.doctor.findings import Level, failing

COLOURS: "dict[Level, str]" = {"ok": "green", "warning": "yellow", "failing": "red"}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="print one JSON object")
def doctor(*, as_json: bool) -> None:
    """Check what a worker with these settings needs, and say what to do; exit code 1 if a check fails.

    It changes and posts nothing, and may run at any time.
    """
    lines = _lines()
    good = all(line.finding.level != "failing" for line in lines)
    if as_json:
        findings = [{"subject": line.subject, **line.finding._asdict()} for line in lines]
        write_json({"ok": good, "findings": findings})
    else:
        for line in lines:
            level = f"{line.finding.level:8}", COLOURS[line.finding.level]
            show(assembled(level, f" {line.subject:11} {line.finding.sentence}"))
    sys.exit(0 if good else 1)


def _lines() -> "list[Line]":
    quiet_kafka_logs()
    try:
        settings = load_settings()
    except UserError as error:
        return [Line("settings", failing(f"{str(error).rstrip('.')}: correct it, and run this again."))]
    return asyncio.run(examine(settings))
