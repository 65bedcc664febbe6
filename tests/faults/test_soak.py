"""`iss-agents soak` for five minutes."""

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from iss_agents.embedded.jars import fetch, jar_folder
from iss_agents.embedded.place import make_folder
from iss_agents.settings import load_settings
from iss_agents.soak.faults import FAULTS, name_of

pytestmark = pytest.mark.long

PNG = b"\x89PNG"


@pytest.mark.timeout(900)
async def test_five_minutes_of_random_faults_cost_nothing(tmp_path: Path) -> None:
    jars = make_folder(jar_folder(load_settings().home))
    fetch(jars, lambda _count, _total: None)
    jar_folder(tmp_path).symlink_to(jars)
    plot = tmp_path / "soak.png"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "iss_agents.cli", "soak", "--minutes", "5", "--seed", "7"),
        *("--json", "--plot", str(plot)),
        env=os.environ | {"ISS_HOME": str(tmp_path)},
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    result = json.loads(output)

    assert (process.returncode, result["differences"], result["seed"]) == (0, [], 7)
    assert result["readings"] > 300 * 400
    assert {met["fault"] for met in result["faults"]} <= set(map(name_of, FAULTS))
    assert plot.read_bytes().startswith(PNG)
