"""Commands of the local stack: `demo` and `up` run everything on one machine, `kafka` and `mongo` one part."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from time import sleep
from typing import Any

import click

from iss_agents.config.settings import Settings, load_settings
from iss_agents.errors import UserError
from iss_agents.local_stack.database import Database
from iss_agents.local_stack.display import Screen
from iss_agents.local_stack.jars import jar_folder
from iss_agents.local_stack.kafka import Kafka
from iss_agents.local_stack.ports import only_user_of
from iss_agents.local_stack.process import Program
from iss_agents.local_stack.run import run
from iss_agents.local_stack.stack import Plan
from iss_agents.local_stack.supervisor import Supervisor
from iss_agents.runtime.console import PrintableConsole
from iss_agents.runtime.output import write, write_json

KAFKA_PORT = 19092
DATABASE_PORT = 27117
STATION_PORT = 9090
"""Not the usual ports of Kafka and MongoDB, which may be in use on a developer's machine."""


def _port(name: str, default: int, what: str) -> Callable[..., Any]:
    return click.option(
        name, default=default, show_default=True, type=click.IntRange(1, 65535), help=f"Port of {what}."
    )


def _shared(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object at the end."),
        click.option(
            "--seconds", type=click.FloatRange(min=1), help="End after this many seconds of telemetry."
        ),
        _port("--mongo-port", DATABASE_PORT, "the database"),
        _port("--kafka-port", KAFKA_PORT, "Kafka"),
    ):
        command = option(command)
    return command


@click.command()
@_shared
@_port("--station-port", STATION_PORT, "the simulated station")
def demo(*, kafka_port: int, mongo_port: int, station_port: int, seconds: float | None, as_json: bool) -> None:
    """Run everything on this machine, with a simulated station."""
    feed_url = f"http://127.0.0.1:{station_port}"
    _run(_plan("demo", kafka_port, mongo_port, feed_url, station_port), seconds, as_json=as_json)


@click.command()
@_shared
def up(*, kafka_port: int, mongo_port: int, seconds: float | None, as_json: bool) -> None:
    """Run everything on this machine, with the station's public feed."""
    _run(_plan("up", kafka_port, mongo_port, _settings().feed_url), seconds, as_json=as_json)


@click.command()
@_port("--port", KAFKA_PORT, "Kafka")
def kafka(port: int) -> None:
    """Run Apache Kafka alone, until Ctrl-C."""
    home = _settings().home
    broker = Kafka(home / "kafka", port)
    fetched = Screen(PrintableConsole()).fetched
    _foreground(
        home / "kafka",
        lambda: broker.start(jar_folder(home), fetched),
        broker.ready,
        f"ISS_KAFKA_URL={broker.url}",
    )


@click.command()
@_port("--port", DATABASE_PORT, "the database")
def mongo(port: int) -> None:
    """Run the database alone, until Ctrl-C."""
    folder = _settings().home / "database"
    database = Database(folder, port)
    _foreground(folder, database.start, database.ready, f"ISS_MONGO_URL={database.url}")


def _settings() -> Settings:
    return load_settings()


def _plan(
    name: str, kafka_port: int, database_port: int, feed_url: str, simulator_port: int | None = None
) -> Plan:
    settings = _settings()
    return Plan(
        folder=settings.home / name,
        jar_folder=jar_folder(settings.home),
        kafka_port=kafka_port,
        database_port=database_port,
        web_port=settings.web_port,
        feed_url=feed_url,
        simulator_port=simulator_port,
    )


def _run(plan: Plan, seconds: float | None, *, as_json: bool) -> None:
    screen = Screen(PrintableConsole(stderr=as_json))
    try:
        result = run(plan, screen, seconds)
    except KeyboardInterrupt:
        raise UserError(f"Stopped before the run was complete; its data is in {plan.folder}.") from None
    screen.say(
        f"Received {result.received} = stored {result.archived} + duplicates {result.duplicates}"
        f" + invalid {result.invalid}: {'complete' if result.complete else 'NOT COMPLETE'}."
        f" The data stays in {plan.folder}."
    )
    if as_json:
        write_json(asdict(result))
    if not result.complete:
        raise click.exceptions.Exit(1)


def _foreground(folder: Path, start: Callable[[], Program], ready: Callable[[], bool], use: str) -> None:
    try:
        with only_user_of(folder), Supervisor() as supervisor:
            program = supervisor.add(start())
            program.wait_until(ready)
            write(f"{program.name} answers and keeps its data in {folder}; Ctrl-C stops it. To use it:")
            write(f"export {use}")
            while True:
                supervisor.check()
                sleep(1)
    except KeyboardInterrupt:
        return
