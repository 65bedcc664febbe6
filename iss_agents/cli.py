"""`iss-agents`: every command of the project."""

import sys

import click

from iss_agents.announcers.commands import jokes
from iss_agents.archive.commands import rewind
from iss_agents.backup.commands import backup, restore
from iss_agents.bench.commands import bench
from iss_agents.detection.commands import detect, replay
from iss_agents.doctor.commands import doctor
from iss_agents.embedded.commands import demo, kafka, mongo, up
from iss_agents.errors import UserError
from iss_agents.evaluation.commands import evaluate
from iss_agents.feed.commands import feed_check, record
from iss_agents.invalids.commands import invalid
from iss_agents.settings_command import settings
from iss_agents.simulator.commands import simulate
from iss_agents.soak.commands import soak
from iss_agents.terminal.commands import completion, events, export, items, plot, status, tail
from iss_agents.topic_commands import topics
from iss_agents.verification.commands import verify


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="iss-agents")
def commands() -> None:
    """Telemetry of the International Space Station: feed, Kafka, Tables, MongoDB, HTTP."""


for command in (
    demo,
    up,
    status,
    items,
    tail,
    events,
    export,
    plot,
    kafka,
    mongo,
    simulate,
    record,
    feed_check,
    topics,
    doctor,
    backup,
    restore,
    rewind,
    verify,
    soak,
    bench,
    invalid,
    settings,
    detect,
    replay,
    evaluate,
    jokes,
    completion,
):
    commands.add_command(command)


def main() -> None:
    """Run a command; an error for people is one sentence and exit code 1."""
    try:
        commands()
    except UserError as error:
        print(f"iss-agents: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(1)


if __name__ == "__main__":
    main()
