"""Report of the outcomes, as tables and as one JSON object."""

from collections.abc import Sequence
from typing import Any

from rich.box import SIMPLE
from rich.table import Table

from iss_agents.tools.evaluation.compare import CONTESTANTS, OURS, Outcome
from iss_agents.tools.evaluation.scoring import Score


def own_table(outcomes: Sequence[Outcome]) -> Table:
    """Return the table of our detector, a scenario a row."""
    columns = (
        *("uses", "found", "false", "precision", "recall", "error", "P50", "P95"),
        *("hidden", "reported"),
    )
    table = Table(title="Detector on modelled streams (percent of the tank, seconds after the use)", box=SIMPLE)
    table.add_column("scenario", no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right")
    for outcome in outcomes:
        score = outcome.scores[OURS]
        table.add_row(
            *(outcome.scenario.name, str(score.uses), str(score.found), str(score.false)),
            *(_figure(score.precision, 3), _figure(score.recall, 3), _figure(score.error, 2)),
            *(_figure(score.delay(0.5), 0), _figure(score.delay(0.95), 0)),
            *(str(score.hidden), str(score.hidden_found)),
        )
    return table


def comparison_table(outcomes: Sequence[Outcome]) -> Table:
    """Return the table of all contestants: precision and recall, or false events where there are no uses."""
    table = Table(title="Beside the rules of public detectors: precision / recall, or false events", box=SIMPLE)
    table.add_column("scenario", no_wrap=True)
    for name in CONTESTANTS:
        table.add_column(name, justify="right")
    for outcome in outcomes:
        table.add_row(outcome.scenario.name, *(_summary(outcome.scores[name]) for name in CONTESTANTS))
    return table


def as_json(outcomes: Sequence[Outcome], seed: int) -> dict[str, Any]:
    """Return everything the tables show as plain data."""
    scenarios = [
        {
            "scenario": outcome.scenario.name,
            "detectors": {name: _plain(s) for name, s in outcome.scores.items()},
        }
        for outcome in outcomes
    ]
    return {"seed": seed, "scenarios": scenarios}


def _plain(score: Score) -> dict[str, Any]:
    return {
        "uses": score.uses,
        "found": score.found,
        "false": score.false,
        "precision": score.precision,
        "recall": score.recall,
        "delta_error_percent": score.error,
        "delay_p50_seconds": score.delay(0.5),
        "delay_p95_seconds": score.delay(0.95),
        "hidden_rises": score.hidden,
        "hidden_rises_reported": score.hidden_found,
        "unobserved": score.unobserved,
    }


def _summary(score: Score) -> str:
    if not score.uses:
        return f"{score.false} false" if score.false else "-"
    return f"{_figure(score.precision, 2)} / {_figure(score.recall, 2)}"


def _figure(number: float | None, digits: int) -> str:
    return "-" if number is None else f"{number:.{digits}f}"
