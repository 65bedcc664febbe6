"""Comparison of our detector and the public rules on the same labelled streams."""

from collections.abc import Callable, Iterable, Iterator
from random import Random
from typing import NamedTuple

from iss_agents.detection.detector import detect
from iss_agents.detection.events import Event, Urination
from iss_agents.detection.state import State
from iss_agents.telemetry.records import Reading
from iss_agents.telemetry.station_clock import milliseconds
from iss_agents.tools.evaluation.month import mixed_month
from iss_agents.tools.evaluation.public_rules import isspiss, nerlfield, peebot
from iss_agents.tools.evaluation.scenario_catalog import SCENARIOS, Scenario
from iss_agents.tools.evaluation.scoring import Detection, Score

OURS = "iss-agents"
CONTESTED = (*SCENARIOS, Scenario("mixed month", mixed_month, 1, has_uses=True))


def detections(readings: Iterable[Reading]) -> list[Detection]:
    """Return what our detector says of a stream."""
    state, found = State(), []
    for reading in readings:
        state, events = detect(state, reading)
        found += [_detection(event) for event in events]
    return found


CONTESTANTS: dict[str, Callable[[Iterable[Reading]], list[Detection]]] = {
    OURS: detections,
    "isspiss": isspiss,
    "peebot redesign": peebot,
    "nerlfield": nerlfield,
}


class Outcome(NamedTuple):
    """The scores of one scenario by contestant."""

    scenario: Scenario
    scores: dict[str, Score]


def contest(seed: int, scenarios: Iterable[Scenario] = CONTESTED) -> Iterator[Outcome]:
    """Yield the outcome of each scenario; the same seed gives the same outcomes."""
    for scenario in scenarios:
        scores = {name: Score() for name in CONTESTANTS}
        for number in range(scenario.stories):
            _add(scenario, Random(f"{seed}/{scenario.name}/{number}"), scores)  # noqa: S311 - a model, no secret
        yield Outcome(scenario, scores)


def _add(scenario: Scenario, random: Random, scores: dict[str, Score]) -> None:
    stream = scenario.stream(random)
    readings = list(stream.readings())
    for name, score in scores.items():
        score.add(stream.truths, CONTESTANTS[name](readings))


def _detection(event: Event) -> Detection:
    return Detection(
        milliseconds(event.start),
        milliseconds(event.end),
        milliseconds(event.detected_at),
        event.delta_percent,
        seen=isinstance(event, Urination),
    )
