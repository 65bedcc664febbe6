"""`iss-agents soak` as a command; what it runs is played."""

import json
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import pytest
from click.testing import CliRunner

from iss_agents.tools.soak import run
from iss_agents.tools.soak.commands import soak
from iss_agents.tools.soak.context import Fault
from iss_agents.tools.soak.faults import FAULTS
from iss_agents.tools.soak.result import FaultResult, Result, Use
from iss_agents.tools.soak.samples import Sample, Series
from iss_agents.tools.testbed.system import System

MET = FaultResult("step worker clock", " by -3600 s", at=1.0, seconds=2.0, shown=3.0, stored=4.0, heard=5.0)


@pytest.fixture
def differences(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """What a played soak will have found."""
    found: list[str] = []

    async def played(
        folder: Path, faults: Iterable[Fault], seconds: float, seed: int, _say: run.Say
    ) -> tuple[Result, Series]:
        assert (seconds, set(islice(faults, len(FAULTS)))) == (90.0, set(FAULTS))
        uses = {"one": {"memory": Use(150.0, 151.0, 152.0)}}
        result = Result(seed, seconds, 45_000, 1, [MET], 2, 0.5, uses, found)
        series = Series(System(folder))
        series.of_worker["one"].append(Sample(1.0, 150.0, files=40, tasks=90, agents_lag=0, archive_lag=0))
        return result, series

    monkeypatch.setattr(run, "soak", played)
    monkeypatch.setenv("ISS_HOME", str(tmp_path))
    return found


def test_it_prints_each_fault_and_that_nothing_is_lost(differences: list[str], tmp_path: Path) -> None:
    done = CliRunner().invoke(soak, _arguments(tmp_path))

    assert differences == []
    assert done.exit_code == 0
    assert "step worker clock" in done.output
    assert "45,000 readings and 1 broken records in 90 s, 1 faults, seed 7: nothing is lost" in done.output
    assert (tmp_path / "soak.png").exists()


def test_a_difference_is_exit_code_1_and_is_in_the_document(differences: list[str], tmp_path: Path) -> None:
    differences.append("readings: 1 are missing without an excuse, A 1")
    done = CliRunner().invoke(soak, [*_arguments(tmp_path), "--json"])

    assert done.exit_code == 1
    document = json.loads(done.stdout)
    assert document["differences"] == differences
    assert document["faults"] == [MET._asdict()]
    assert document["uses"]["one"]["memory"] == {"first": 150.0, "last": 151.0, "most": 152.0}


def _arguments(folder: Path) -> list[str]:
    return ["--minutes", "1.5", "--seed", "7", "--plot", str(folder / "soak.png")]
