"""`iss-agents completion`: what a shell offers."""

import os
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
from click.testing import CliRunner

from iss_agents.cli.arguments import Shell
from iss_agents.cli.main import commands


@pytest.mark.parametrize("shell", get_args(Shell))
def test_the_script_asks_the_program_for_the_words(shell: str) -> None:
    script = CliRunner().invoke(commands, ["completion", shell]).output

    assert f"_ISS_AGENTS_COMPLETE={shell}_complete" in script
    assert "iss-agents" in script


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("tail NODE300000", ["NODE3000001", "NODE3000002", "NODE3000003", "NODE3000004", "NODE3000005"]),
        ("export --item uslab000058", ["USLAB000058"]),
        ("items --discipline ADCO/", ["ADCO/TOPO", "ADCO/VVO"]),
        ("exp", ["export"]),
    ],
)
def test_bash_completes_commands_items_and_disciplines(typed: str, offered: list[str], tmp_path: Path) -> None:
    program = tmp_path / "iss-agents"
    program.write_text(f"#!{sys.executable}\nfrom iss_agents.cli.main import main\nmain()\n")
    program.chmod(0o755)
    words = " ".join(f"'{word}'" for word in ["iss-agents", *typed.split(" ")])
    script = (
        'eval "$(iss-agents completion bash)"\n'
        f"COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); COMP_LINE='iss-agents {typed}'\n"
        '_iss_agents_completion iss-agents; printf "%s\\n" "${COMPREPLY[@]}"\n'
    )

    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    ran = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, env=environment)

    assert ran.stdout.split()[: len(offered)] == offered


def test_zsh_and_fish_are_told_the_names_of_items() -> None:
    environment = {"_ISS_AGENTS_COMPLETE": "fish_complete", "COMP_WORDS": "iss-agents tail NODE3000005"}

    ran = CliRunner().invoke(
        commands, [], env={**environment, "COMP_CWORD": "NODE3000005"}, prog_name="iss-agents"
    )

    assert "NODE3000005" in ran.output
    assert "Urine Tank Qty" in ran.output
