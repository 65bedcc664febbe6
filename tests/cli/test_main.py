"""The command line as a whole."""

import os
import subprocess
import sys

import pytest

from iss_agents.cli.main import COMMANDS
from iss_agents.local_stack.ports import free_port

LONGEST_HELP = 60


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_described_in_one_line_of_the_list(name: str) -> None:
    described = COMMANDS[name].help

    assert described
    assert len(described) <= LONGEST_HELP


def test_the_list_of_commands_cuts_nothing() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "iss_agents.cli.main", "--help"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"COLUMNS": "80"},
    )

    assert "..." not in shown.stdout.partition("Commands:")[2]


IMPORTED = """
import atexit, sys
from iss_agents.cli.main import main
atexit.register(lambda: print(*sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr))
main()
"""

SLOW_TO_IMPORT = {
    "aiohttp",
    "aiokafka",
    "asyncio",
    "faust",
    "jinja2",
    "matplotlib",
    "motor",
    "plotext",
    "prometheus_client",
    "pyarrow",
    "pydantic",
    "pydantic_settings",
    "pymongo",
    "tweepy",
}
"""A process that imports one of them takes longer to start than a worker takes to answer."""


@pytest.mark.parametrize(
    ("arguments", "also_slow"),
    [
        (["--help"], {"email", "http", "msgspec", "rich"}),
        (["status"], set()),
        (["items"], set()),
        (["events"], set()),
    ],
)
def test_a_short_command_imports_little(arguments: list[str], also_slow: set[str]) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", IMPORTED, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"ISS_URL": f"http://127.0.0.1:{free_port()}"},
    )

    imported = set(ran.stderr.splitlines()[-1].split())
    assert "click" in imported
    assert not imported & (SLOW_TO_IMPORT | also_slow)


WARNING = """
import logging
import click
from iss_agents.cli import main
from iss_agents.errors import UserError

@click.command()
def warn():
    logging.getLogger("lightstreamer").warning("%s of http://u:hunter2@h", {text!r})
    raise UserError({text!r}, {text!r})

main.commands.add_command(warn)
main.main()
"""


def test_what_a_command_warns_of_and_its_last_sentence_do_nothing_to_a_terminal() -> None:
    text = "\x1b]0;pwned\x07\nINJECTED\x9b2J"
    done = subprocess.run(
        [sys.executable, "-c", WARNING.format(text=text), "warn"], capture_output=True, text=True, check=False
    )
    spelled = "\\x1b]0;pwned\\x07\\nINJECTED\\x9b2J"

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"{spelled} of http://u:***@h\niss-agents: {spelled}\n{spelled}\n"
