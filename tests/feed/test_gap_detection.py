import logging
from datetime import datetime
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iss_agents.feed.gap_detection import GapDetector, Signal, new_gap
from iss_agents.telemetry.records import Gap, GapCause, Reading
from iss_agents.telemetry.shards import Shard
from tests.feed.factory import NOW, after, arrived, clock, reading


def observe(detector: GapDetector, one: Reading, frozen_since: datetime | None = None) -> list[Gap]:
    return detector.observe(one, arrived(one), frozen_since)


def heard(at: float = 0) -> GapDetector:
    detector = GapDetector("isslive")
    assert observe(detector, reading(at=at)) == []
    return detector


def gap(cause: str, start: float, detail: str, end: float | None = None) -> Gap:
    closed = None if end is None else after(end)
    return new_gap(cause, after(start), end=closed, detail=detail, source="isslive")  # type: ignore[arg-type]


def test_the_id_of_a_gap_follows_from_cause_and_start() -> None:
    opened = new_gap("los", NOW, detail="a", source="isslive")
    ended = new_gap("los", NOW, end=after(9), detail="b", source="isslive")

    assert opened.gap_id == ended.gap_id
    assert opened.gap_id != new_gap("los", NOW, detail="a", source="isslive", shard=Shard(1, 2)).gap_id
    assert opened.gap_id != new_gap("silence", NOW, detail="a", source="isslive").gap_id
    assert opened.gap_id != new_gap("los", after(1), detail="a", source="isslive").gap_id


def test_a_silence_begins_after_a_minute_and_ends_with_the_next_update() -> None:
    detector = heard()
    detail = "connected, but no news of any item"

    assert detector.check_silence(60, signal_acquired=True) == []
    assert detector.check_silence(60.1, signal_acquired=True) == [gap("silence", 0, detail)]
    assert detector.check_silence(90, signal_acquired=True) == []
    assert observe(detector, reading(at=100)) == [gap("silence", 0, detail, end=100)]


def test_a_loss_of_signal_is_no_silence() -> None:
    assert heard().check_silence(500, signal_acquired=False) == []


def test_an_outage_lasts_from_the_last_update_before_to_the_first_after() -> None:
    detector = heard()

    assert detector.begin_outage("ended the session") == [gap("outage", 0, "ended the session")]
    assert detector.begin_outage("refuses") == []
    assert observe(detector, reading(at=30, session=2)) == [gap("outage", 0, "ended the session", end=30)]


def test_the_memory_of_the_server_does_not_end_an_outage() -> None:
    detector = heard()
    detector.begin_outage("ended the session")

    assert observe(detector, reading(at=30, age=40, session=2, snapshot=True)) == []
    assert len(observe(detector, clock(at=30, age=6, session=2, snapshot=True))) == 1


def test_a_session_that_cannot_be_lost_before_anything_was_heard_is_no_gap() -> None:
    assert GapDetector("isslive").begin_outage("refuses") == []


def test_a_new_session_without_a_word_is_an_outage_and_a_recovered_one_is_none() -> None:
    detector = heard()
    detail = "a new session replaced the one before"

    assert observe(detector, reading(at=8, session=1)) == []
    assert observe(detector, reading(at=20, session=2)) == [gap("outage", 8, detail, end=20)]
    assert observe(detector, reading(at=21, session=2)) == []


def test_a_freeze_lasts_from_where_the_clock_stands_still_until_it_moves() -> None:
    detector = GapDetector("isslive")
    frozen = clock(age=100, suspect="frozen", snapshot=True)
    since = frozen.source_ts
    detail = "the station's clock stands still"

    assert observe(detector, frozen, since) == [gap("frozen", -100, detail)]
    assert observe(detector, reading(age=500, suspect="frozen"), since) == []
    assert observe(detector, reading(at=40)) == []
    assert observe(detector, clock(at=50)) == [gap("frozen", -100, detail, end=50)]


def test_a_feed_that_ends_ends_its_gap() -> None:
    detector = heard()
    detector.begin_outage("refuses")

    assert detector.finish(after(9)) == [gap("outage", 0, "refuses", end=9)]
    assert detector.finish(after(10)) == []


@pytest.mark.parametrize("step", [-3600, 3600])
def test_a_step_of_our_clock_is_no_silence_and_hides_none(step: float) -> None:
    detector = heard()
    detector.observe(reading(at=step), 1)

    assert detector.check_silence(61, signal_acquired=True) == []
    assert len(detector.check_silence(61.1, signal_acquired=True)) == 1


def test_an_outage_in_which_our_clock_was_set_back_does_not_end_before_it_starts() -> None:
    detector = heard()
    detail = "a new session replaced the one before"

    assert detector.observe(reading(at=-3600, session=2), 5) == [gap("outage", 0, detail, end=0)]


@given(st.integers(-400 * 86400, 400 * 86400), st.sampled_from(get_args(GapCause)))
def test_no_gap_ends_before_it_starts(step: int, cause: GapCause) -> None:
    noted = new_gap(cause, NOW, end=after(step), detail="", source="isslive")

    assert noted.end == after(max(0, step))


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
