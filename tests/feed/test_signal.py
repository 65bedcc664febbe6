import logging

import pytest

from iss_agents.feed.gaps import new_gap
from iss_agents.feed.signal import Signal
from tests.feed.factory import after, clock, reading


def test_signal_is_unknown_until_the_clock_speaks() -> None:
    signal = Signal("isslive")
    signal.observe(reading(status_class="9"))

    assert signal.acquired is None


def test_a_loss_lasts_from_the_last_acquired_time_to_the_next_one() -> None:
    signal = Signal("isslive")
    changes = [
        signal.observe(clock(at, status_class=status))
        for at, status in ((0, "24"), (1, "24"), (2, "1"), (3, "1"), (400, "24.0"), (401, "24"))
    ]
    lost = new_gap("los", after(-5), detail="Status.Class 1", source="isslive")

    ended = new_gap("los", after(-5), end=after(394), detail="Status.Class 1", source="isslive")
    assert changes == [[], [], [lost], [], [ended], []]
    assert signal.acquired is True


def test_a_start_without_signal_begins_a_loss() -> None:
    signal = Signal("isslive")

    assert signal.observe(clock(status_class="2", suspect="frozen")) == [
        new_gap("los", after(-6), detail="Status.Class 2", source="isslive")
    ]
    assert signal.acquired is False


def test_a_frozen_clock_does_not_acquire_the_signal() -> None:
    signal = Signal("isslive")

    assert signal.observe(clock(suspect="frozen")) == []
    assert signal.acquired is None


def test_a_clock_without_a_status_changes_nothing() -> None:
    signal = Signal("isslive")
    signal.observe(clock())

    assert signal.observe(clock(status_class=None)) == []
    assert signal.acquired is True


def test_a_feed_that_ends_ends_the_loss() -> None:
    signal = Signal("isslive")
    signal.observe(clock(status_class="1"))

    assert [gap.end for gap in signal.finish(after(9))] == [after(9)]
    assert signal.finish(after(10)) == []


def test_loss_and_acquisition_are_logged_once_each(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="iss_agents")
    signal = Signal("isslive")
    for at, status in enumerate(("24", "24", "1", "1", "24", "24")):
        signal.observe(clock(at, status_class=status))

    assert [record.getMessage() for record in caplog.records] == [
        "Signal acquired (AOS) at 2026-08-11T16:44:39.000Z",
        "Signal lost (LOS): Status.Class 1 at 2026-08-11T16:44:41.000Z",
        "Signal acquired (AOS) at 2026-08-11T16:44:43.000Z",
    ]
