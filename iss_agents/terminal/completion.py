"""`completion`: the script that lets a shell complete commands, options, items and disciplines."""

from typing import Literal

import click
from click.shell_completion import get_completion_class

Shell = Literal["bash", "zsh", "fish"]

PROGRAM, VARIABLE = "iss-agents", "_ISS_AGENTS_COMPLETE"
"""What is completed, and the variable by which its script asks click for the words."""


def script(root: click.Command, shell: Shell) -> str:
    """Return the script for `shell`."""
    completion = get_completion_class(shell)
    assert completion  # noqa: S101 - click knows these three
    return completion(root, {}, PROGRAM, VARIABLE).source()
