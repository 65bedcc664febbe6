"""Severity of states and status classes."""

import pytest

from iss_agents.telemetry.severity import Severity, severity


@pytest.mark.parametrize(
    ("state", "status_class", "expected"),
    [
        ("FAILED", "24", "failure"),
        ("Not-Off Failed", None, "failure"),
        ("Task terminated due to a time-out error", "24", "failure"),
        ("BAD INTEGRITY", "24", "failure"),
        ("Frame Sync unlocked", "24", "failure"),
        ("FAILED", "6", "failure"),
        ("Undetermined State", "24", "caution"),
        ("ONLY 2 USABLE SVs", "24", "caution"),
        ("OPEN", "6", "caution"),
        (None, "6", "caution"),
        ("OFF", "24", "inactive"),
        ("CLOSED", "24", "inactive"),
        ("Off-Ok", None, "inactive"),
        ("Not-Off Ok", "24", None),
        ("Frame Sync locked", "24", None),
        ("NORMAL", "24", None),
        (None, "24", None),
        (None, None, None),
    ],
)
def test_a_failure_comes_before_a_doubtful_status_and_what_is_off(
    state: str | None, status_class: str | None, expected: Severity | None
) -> None:
    assert severity(state, status_class) == expected
