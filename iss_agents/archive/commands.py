"""`iss-agents rewind`."""

import json

import click


@click.command(short_help="Let the stopped archive read Kafka again from a time on.")
@click.argument("consumer", type=click.Choice(["archive"]))
@click.option("--to", "to", required=True, help="RFC 3339 with a zone, or before now: -90s, -30m, -2h, -7d")
@click.option("--json", "as_json", is_flag=True, help="print one JSON object")
def rewind(consumer: str, to: str, *, as_json: bool) -> None:
    """Let a stopped CONSUMER read the bus again from a time on, at its next start."""
    import asyncio  # noqa: PLC0415 - commands start fast because each imports what it needs
    import logging  # noqa: PLC0415
    from datetime import UTC, datetime  # noqa: PLC0415

    from iss_agents.archive import rewind as rewinding  # noqa: PLC0415
    from iss_agents.instants import instant  # noqa: PLC0415
    from iss_agents.settings import load_settings  # noqa: PLC0415

    # Its connection errors come back as the one sentence that the command prints.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    time = instant(to, datetime.now(UTC))
    rewound = asyncio.run(rewinding.rewind(load_settings(), time))
    if as_json:
        click.echo(json.dumps({"consumer": consumer, "to": time.isoformat(), **rewound._asdict()}))
        return
    click.echo(
        f"The {consumer} will read {rewound.records} records of {rewound.partitions} partitions again, "
        f"from {time:%Y-%m-%d %H:%M:%S} UTC on."
    )
