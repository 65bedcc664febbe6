"""The command line as a whole."""

import os
import subprocess
import sys

import pytest

from iss_agents.cli import commands

LONGEST_HELP = 60


@pytest.mark.parametrize("name", commands.commands)
def test_every_command_is_described_in_one_line_of_the_list(name: str) -> None:
    described = commands.commands[name].short_help

    assert described
    assert len(described) <= LONGEST_HELP


def test_the_list_of_commands_cuts_nothing() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "iss_agents.cli", "--help"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"COLUMNS": "80"},
    )

    assert "..." not in shown.stdout.partition("Commands:")[2]
