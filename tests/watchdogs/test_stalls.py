"""What stalls ends the process in time; what waits does not."""

import pytest

from iss_agents.runtime.health import Health
from iss_agents.watchdogs import stalls as module
from iss_agents.watchdogs.stalls import StallThresholds, Watchdog

THRESHOLDS = StallThresholds(report_after=30.0, exit_after=300.0)
HOUR = 3600.0


class Ended(Exception):  # noqa: N818 - what giving up would be
    """The process would have ended."""


@pytest.fixture
def health() -> Health:
    return Health()


@pytest.fixture
def watchdog(health: Health, monkeypatch: pytest.MonkeyPatch) -> Watchdog:
    def end(reason: str, *details: object) -> None:
        raise Ended(reason % details)

    monkeypatch.setattr(module, "fail_fast", end)
    return Watchdog(health)


def test_a_part_that_does_not_get_on_is_said_and_then_ends_the_process(
    watchdog: Watchdog, health: Health
) -> None:
    stalls = {"it stays at 1": THRESHOLDS}
    watchdog.check(0.0, stalls)
    assert health.parts["watchdog"].ok
    watchdog.check(31.0, stalls)
    assert health.parts["watchdog"].detail == "no progress: it stays at 1"
    assert not health.parts["watchdog"].ok

    with pytest.raises(Ended, match=r"^no progress for 301 s: it stays at 1$"):
        watchdog.check(301.0, stalls)


def test_any_progress_and_any_failed_attempt_begins_the_time_anew(watchdog: Watchdog, health: Health) -> None:
    for attempt in range(100):
        watchdog.check(attempt * 29.0, {f"{attempt} attempts failed": THRESHOLDS})

    assert health.ok


def test_what_gets_on_again_is_good_again(watchdog: Watchdog, health: Health) -> None:
    watchdog.check(0.0, {"it stays at 1": THRESHOLDS})
    watchdog.check(100.0, {"it stays at 1": THRESHOLDS})
    assert not health.ok
    watchdog.check(299.0, {})
    watchdog.check(HOUR, {"it stays at 1": THRESHOLDS})

    assert health.ok
