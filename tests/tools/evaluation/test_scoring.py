from iss_agents.tools.evaluation.scoring import SLACK, Detection, Score
from iss_agents.tools.evaluation.stream import Truth

USE = Truth("use", 100_000, 120_000, 4.0)
PARTIAL = Truth("partial", 500_000, 520_000, 3.0)
HIDDEN = Truth("hidden", 800_000, 900_000, 6.0)


def score(*detections: Detection) -> Score:
    result = Score()
    result.add([USE, PARTIAL, HIDDEN], detections)
    return result


def test_a_use_is_found_once_with_its_error_and_delay() -> None:
    told = Detection(101_000, 119_000, 165_000, 4.5)

    result = score(told, told)

    assert (result.uses, result.found, result.false) == (1, 1, 1)
    assert (result.precision, result.recall, result.error) == (0.5, 1.0, 0.5)
    assert (result.delay(0.5), result.delay(0.95)) == (45.0, 45.0)


def test_a_detection_too_far_away_is_false() -> None:
    end = USE.start - SLACK
    assert score(Detection(0, end, 0, 4.0)).found == 1
    assert score(Detection(0, end - 1, 0, 4.0)).false == 1


def test_a_use_at_the_edge_of_a_gap_counts_neither_way() -> None:
    result = score(Detection(500_000, 520_000, 560_000, 3.0))

    assert (result.found, result.false) == (0, 0)


def test_a_guess_in_a_gap_is_false_and_a_report_of_it_is_right() -> None:
    assert score(Detection(800_000, 900_000, 920_000, 6.0)).false == 1
    reported = score(Detection(800_000, 900_000, 920_000, 6.0, seen=False))
    assert (reported.false, reported.hidden, reported.hidden_found, reported.unobserved) == (0, 1, 1, 1)


def test_nothing_told_is_no_precision() -> None:
    result = score()

    assert (result.precision, result.recall, result.error, result.delay(0.5)) == (None, 0.0, None, None)
