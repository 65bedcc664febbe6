"""The README says what is there."""

import re
from pathlib import Path

from click.testing import CliRunner

from iss_agents.cli import commands
from iss_agents.settings import Settings

TESTS = Path(__file__).parent
README = (TESTS.parent / "README.md").read_text(encoding="utf-8")


def test_every_setting_is_explained_and_no_other() -> None:
    assert set(re.findall(r"ISS_[A-Z_]+", README)) == {f"ISS_{name.upper()}" for name in Settings.model_fields}


def test_every_command_is_shown_and_exists() -> None:
    shown = set(re.findall(r"uv run iss-agents ([a-z-]+)", README))

    assert shown == set(commands.commands)
    for name in shown:
        assert CliRunner().invoke(commands, [name, "--help"]).exit_code == 0


def test_every_test_that_is_named_is_there() -> None:
    named = re.findall(r"`([a-z_]+/test_[a-z_]+\.py)`", README)

    assert len(named) > 20
    assert [name for name in named if not (TESTS / name).is_file()] == []
