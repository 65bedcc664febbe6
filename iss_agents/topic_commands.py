"""The command that creates and checks the topics."""

import click

from iss_agents.topics import DAY_MS

COLUMN_WIDTHS = (38, 3, 8, 11, 8)


@click.command(short_help="Create and mend the Kafka topics, and print them.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def topics(*, as_json: bool) -> None:
    """Create the Kafka topics that are missing, mend their settings and print them."""
    import asyncio  # noqa: PLC0415 - heavy, and needed by this command only

    from iss_agents.kafka_logs import quiet_kafka_logs  # noqa: PLC0415
    from iss_agents.settings import load_settings  # noqa: PLC0415
    from iss_agents.topic_check import check_topics  # noqa: PLC0415

    quiet_kafka_logs()
    rows = [checked.row() for checked in asyncio.run(check_topics(load_settings()))]
    if as_json:
        import json  # noqa: PLC0415

        click.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        retention = {"retention_ms": _days(row["retention_ms"])}
        columns = zip((row | retention).values(), COLUMN_WIDTHS, strict=True)
        click.echo("  ".join(f"{value!s:<{width}}" for value, width in columns).rstrip())


def _days(retention_ms: object) -> str:
    return f"{retention_ms / DAY_MS:g} days" if isinstance(retention_ms, int) else "for ever"
