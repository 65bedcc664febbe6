from iss_agents.telemetry.station_clock import milliseconds
from iss_agents.tools.evaluation.public_rules import isspiss, nerlfield, peebot
from iss_agents.tools.evaluation.scoring import Detection
from tests.detection.factory import LARGE_USE, NOW, SMALL_USE, Shown, stream

BEGIN = milliseconds(NOW)


def told(detections: list[Detection]) -> list[tuple[float, float, float]]:
    """Start and end in seconds, and percent."""
    return [((one.start - BEGIN) / 1000, (one.end - BEGIN) / 1000, one.percent) for one in detections]


def levels(shown: Shown) -> list[tuple[float, float, float]]:
    return told(isspiss(stream(shown, 500)))


def test_isspiss_sees_a_steady_rise() -> None:
    assert levels(LARGE_USE) == [(205.0, 240.0, 8.0)]


def test_isspiss_misses_the_first_step_after_a_drop_within_a_minute() -> None:
    assert levels([(0, 37), (180, 36), (200, 37), (205, 38), (210, 39)]) == [(205.0, 210.0, 2.0)]


def test_isspiss_takes_slow_flapping_for_uses() -> None:
    flaps = [(0, 26), (100, 27), (200, 26), (300, 27), (400, 26)]

    assert levels(flaps) == [(100.0, 100.0, 1.0), (300.0, 300.0, 1.0)]


def test_nerlfield_alerts_at_each_change_between_two_polls() -> None:
    alerts = nerlfield(stream([(0, 47), (100, 46), (170, 47), (400, 48)], 500))

    assert [(one.detected_at - BEGIN) / 1000 for one in alerts] == [120.0, 180.0]
    assert [one.percent for one in alerts] == [-1.0, 1.0]


def test_peebot_sees_a_small_use_and_not_one_that_reverts() -> None:
    reverted = [(0, 19), (200, 20), (205, 21), (230, 19)]

    assert [percent for _, _, percent in told(peebot(stream(SMALL_USE, 400)))] == [2.0]
    assert peebot(stream(reverted, 400)) == []
