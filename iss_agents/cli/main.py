"""`iss-agents`: every command of the project."""

import logging
import sys

import click

from iss_agents.cli.lazy_group import LazyCommand, LazyGroup
from iss_agents.errors import UserError
from iss_agents.runtime.output import say
from iss_agents.runtime.text_line import TextLine

COMMANDS = {
    "demo": LazyCommand("local_stack", "Run everything here, with a simulated station."),
    "up": LazyCommand("local_stack", "Run everything here, with the public feed of the station."),
    "status": LazyCommand("cli", "Show signal, silence, tank, last use and parts."),
    "items": LazyCommand("cli", "List items with value, state and age, by discipline."),
    "tail": LazyCommand("cli", "Print what changes, live, line by line."),
    "events": LazyCommand("cli", "List uses of the toilet, with text and decision."),
    "export": LazyCommand("cli", "Write readings to a CSV, NDJSON or Parquet file."),
    "plot": LazyCommand("cli", "Draw an item's history, in the terminal or as PNG."),
    "kafka": LazyCommand("local_stack", "Run Apache Kafka alone, until Ctrl-C."),
    "mongo": LazyCommand("local_stack", "Run the database alone, until Ctrl-C."),
    "simulate": LazyCommand("simulator", "Run a simulated station, or trigger its faults."),
    "record": LazyCommand("tools.probe", "Record what the feed sends to a file."),
    "feed-check": LazyCommand("tools.probe", "Compare what the feed sends with what is known of it."),
    "topics": LazyCommand("kafka", "Create and correct the Kafka topics, and print them."),
    "doctor": LazyCommand("tools.doctor", "Check a deployment, and say what to do."),
    "backup": LazyCommand("tools.backup", "Write all of the database into one file."),
    "restore": LazyCommand("tools.backup", "Store what the database lacks of a backup."),
    "rewind": LazyCommand("archive", "Let the stopped archive read Kafka again from a time on."),
    "retention": LazyCommand("archive", "Show, or change, how long MongoDB keeps documents."),
    "verify": LazyCommand("tools.verification", "Compare Kafka with MongoDB and the Tables."),
    "soak": LazyCommand("tools.soak", "Run everything here under random faults, and count."),
    "bench": LazyCommand("tools.bench", "Measure every stage, and latency at steady rates."),
    "invalid": LazyCommand(
        "tools.dead_letters",
        "List the dead letters, and send them again after a fix.",
    ),
    "settings": LazyCommand("config", "Print every setting in force and what it means."),
    "detect": LazyCommand("tools.detection", "Detect uses of the toilet in a recording."),
    "replay": LazyCommand("tools.detection", "Detect uses of the toilet again in Kafka's history."),
    "evaluate": LazyCommand("tools.evaluation", "Measure the detector on modelled streams."),
    "jokes": LazyCommand("announcers", "Print examples of what the bot posts."),
    "completion": LazyCommand("cli", "Print the script that makes a shell complete."),
}


@click.group(cls=LazyGroup, lazy=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="iss-agents")
def commands() -> None:
    """Telemetry of the International Space Station: feed, Kafka, Tables, MongoDB, HTTP."""


def main() -> None:
    """Run a command; an error for people is one sentence and exit code 1."""
    # Where no command configures a log, what libraries and we warn of goes to the standard error by this one.
    if logging.lastResort:
        logging.lastResort.setFormatter(TextLine())
    try:
        commands()
    except UserError as error:
        sentence, *more = error.args
        for line in (f"iss-agents: {sentence}", *more):
            say(line)
        sys.exit(1)


if __name__ == "__main__":
    main()
