import json
from io import StringIO

import pytest
from click.testing import CliRunner

from iss_agents.runtime.console import PrintableConsole
from iss_agents.tools.evaluation import compare as contest_module
from iss_agents.tools.evaluation.commands import evaluate
from iss_agents.tools.evaluation.compare import CONTESTANTS, CONTESTED, OURS, contest
from iss_agents.tools.evaluation.report import as_json, comparison_table, own_table
from iss_agents.tools.evaluation.scenario_catalog import SCENARIOS, Scenario

SEED = 11
SLOWEST_SECONDS = 90.0

UNSOLVED = {
    "hydraulic lag",
    "queue of people",
    "use in a climb",
    "creeping transfer",
}
"""Scenarios in which the detector still errs."""

FEW = [scenario._replace(stories=10) for scenario in SCENARIOS if scenario.name not in UNSOLVED]


@pytest.mark.parametrize("scenario", [one for one in FEW if one.has_uses], ids=lambda one: one.name)
def test_uses_are_found_in_time_and_nothing_else(scenario: Scenario) -> None:
    (outcome,) = contest(SEED, [scenario])
    score = outcome.scores[OURS]

    assert min(score.precision or 0.0, score.recall or 0.0) >= 0.95
    assert (score.delay(0.95) or 0.0) <= SLOWEST_SECONDS
    assert (score.error or 0.0) < 0.5


WITHOUT_USES = [one for one in FEW if not one.has_uses and one.name != "slow transfer"]


@pytest.mark.parametrize("scenario", WITHOUT_USES, ids=lambda one: one.name)
def test_where_nobody_goes_nothing_is_told_but_what_was_hidden(scenario: Scenario) -> None:
    (outcome,) = contest(SEED, [scenario])
    score = outcome.scores[OURS]

    assert (score.false, score.hidden_found) == (0, score.hidden)


@pytest.mark.long
def test_the_mixed_month_is_told_almost_without_fault() -> None:
    (outcome,) = contest(SEED, [CONTESTED[-1]])
    score = outcome.scores[OURS]

    assert min(score.precision or 0.0, score.recall or 0.0) >= 0.98
    assert (score.delay(0.95) or 0.0) <= SLOWEST_SECONDS
    others = [other.precision or 0.0 for name, other in outcome.scores.items() if name != OURS]
    assert (score.precision or 0.0) > max(others)


def test_the_tables_and_the_json_hold_every_scenario_and_contestant() -> None:
    outcomes = list(contest(SEED, [FEW[0]._replace(stories=1), WITHOUT_USES[0]._replace(stories=1)]))
    console = PrintableConsole(width=200, record=True, file=StringIO())
    console.print(own_table(outcomes), comparison_table(outcomes))
    text = console.export_text()
    plain = as_json(outcomes, SEED)

    assert all(word in text for word in ("small use", "fast flapping", *CONTESTANTS, "P95"))
    assert [line["scenario"] for line in plain["scenarios"]] == ["small use", "fast flapping"]
    assert plain["scenarios"][0]["detectors"][OURS]["found"] == 1


def test_the_command_prints_one_json_object(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contest_module.contest, "__defaults__", ([FEW[0]._replace(stories=1)],))

    result = CliRunner().invoke(evaluate, ["--json", "--seed", "3"])

    assert json.loads(result.stdout)["seed"] == 3
