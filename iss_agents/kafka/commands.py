"""Command that provisions the topics."""

import asyncio

import click

from iss_agents.config.settings import load_settings
from iss_agents.kafka.clients import quiet_kafka_logs
from iss_agents.kafka.topic_admin import check_topics
from iss_agents.runtime.output import write, write_json
from iss_agents.telemetry.topics import DAY_MS

COLUMN_WIDTHS = (38, 3, 8, 11, 8)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def topics(*, as_json: bool) -> None:
    """Create missing Kafka topics, correct their settings and print them."""
    quiet_kafka_logs()
    rows = [checked.row() for checked in asyncio.run(check_topics(load_settings()))]
    if as_json:
        write_json(rows, indent=2)
        return
    for row in rows:
        retention = {"retention_ms": _days(row["retention_ms"])}
        columns = zip((row | retention).values(), COLUMN_WIDTHS, strict=True)
        write("  ".join(f"{value!s:<{width}}" for value, width in columns).rstrip())


def _days(retention_ms: object) -> str:
    return f"{retention_ms / DAY_MS:g} days" if isinstance(retention_ms, int) else "forever"
