from iss_agents.feed.freeze import Freeze
from tests.feed.factory import ITEM, clock, reading


def test_old_readings_are_marked_while_the_clock_stands_still() -> None:
    freeze = Freeze()
    suspects = [freeze.judge(sent).suspect for sent in (clock(age=61), reading(age=61), reading(age=59))]

    assert suspects == ["frozen", "frozen", None]
    assert freeze.since == clock(age=61).source_ts


def test_an_old_time_stamp_is_healthy_while_the_clock_moves() -> None:
    freeze = Freeze()
    freeze.judge(clock())

    assert freeze.judge(reading(age=28 * 86400, snapshot=True)).suspect is None


def test_nothing_is_marked_before_the_clock_was_heard() -> None:
    assert Freeze().judge(reading(age=500)).suspect is None


def test_a_clock_heard_long_ago_stands_still() -> None:
    freeze = Freeze()
    freeze.judge(clock(age=0))

    assert freeze.judge(reading(at=60, age=61)).suspect is None
    assert freeze.judge(reading(at=60.1, age=61)).suspect == "frozen"


def test_a_clock_that_comes_late_and_moves_is_not_frozen() -> None:
    freeze = Freeze()
    freeze.judge(clock(at=0, age=5))
    freeze.judge(clock(at=50, age=54))

    assert freeze.judge(clock(at=70, age=73)).suspect is None
    assert freeze.judge(reading(at=130, age=200)).suspect is None
    assert freeze.judge(reading(at=130.1, age=200)).suspect == "frozen"


def test_a_clock_that_is_sent_again_unchanged_stands_still() -> None:
    freeze = Freeze()
    freeze.judge(clock(at=0, age=5))

    assert freeze.judge(clock(at=100, age=105)).suspect == "frozen"


def test_a_thaw_asks_for_a_snapshot_once() -> None:
    freeze = Freeze()
    freeze.judge(clock(age=100))
    assert not freeze.needs_snapshot

    assert freeze.judge(clock(at=1)).suspect is None
    assert freeze.needs_snapshot
    freeze.needs_snapshot = False
    freeze.judge(clock(at=2))
    assert not freeze.needs_snapshot


def test_a_new_session_shows_everything_anew_and_asks_for_nothing() -> None:
    freeze = Freeze()
    freeze.judge(clock(age=100))

    assert freeze.judge(clock(at=1, session=2)).suspect is None
    assert freeze.judge(reading(ITEM, at=1, age=900, session=2)).suspect is None
    assert not freeze.needs_snapshot
