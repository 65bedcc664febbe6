from iss_agents.feed.gaps import Absence, new_gap
from iss_agents.records import Gap
from iss_agents.shard import Shard
from tests.feed.factory import NOW, after, clock, reading


def heard(at: float = 0) -> Absence:
    absence = Absence("isslive")
    assert absence.observe(reading(at=at)) == []
    return absence


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
    absence = heard()
    detail = "connected, but no news of any item"

    assert absence.look(after(60), signal_acquired=True) == []
    assert absence.look(after(60.1), signal_acquired=True) == [gap("silence", 0, detail)]
    assert absence.look(after(90), signal_acquired=True) == []
    assert absence.observe(reading(at=100)) == [gap("silence", 0, detail, end=100)]


def test_a_loss_of_signal_is_no_silence() -> None:
    assert heard().look(after(500), signal_acquired=False) == []


def test_an_outage_lasts_from_the_last_update_before_to_the_first_after() -> None:
    absence = heard()

    assert absence.lose("ended the session") == [gap("outage", 0, "ended the session")]
    assert absence.lose("refuses") == []
    assert absence.observe(reading(at=30, session=2)) == [gap("outage", 0, "ended the session", end=30)]


def test_the_memory_of_the_server_does_not_end_an_outage() -> None:
    absence = heard()
    absence.lose("ended the session")

    assert absence.observe(reading(at=30, age=40, session=2, snapshot=True)) == []
    assert len(absence.observe(clock(at=30, age=6, session=2, snapshot=True))) == 1


def test_a_session_that_cannot_be_lost_before_anything_was_heard_is_no_gap() -> None:
    assert Absence("isslive").lose("refuses") == []


def test_a_new_session_without_a_word_is_an_outage_and_a_recovered_one_is_none() -> None:
    absence = heard()
    detail = "a new session took the place of the one before"

    assert absence.observe(reading(at=8, session=1)) == []
    assert absence.observe(reading(at=20, session=2)) == [gap("outage", 8, detail, end=20)]
    assert absence.observe(reading(at=21, session=2)) == []


def test_a_freeze_lasts_from_where_the_clock_stands_still_until_it_moves() -> None:
    absence = Absence("isslive")
    frozen = clock(age=100, suspect="frozen", snapshot=True)
    since = frozen.source_ts
    detail = "the station's clock stands still"

    assert absence.observe(frozen, since) == [gap("frozen", -100, detail)]
    assert absence.observe(reading(age=500, suspect="frozen"), since) == []
    assert absence.observe(reading(at=40)) == []
    assert absence.observe(clock(at=50)) == [gap("frozen", -100, detail, end=50)]


def test_a_feed_that_ends_ends_its_gap() -> None:
    absence = heard()
    absence.lose("refuses")

    assert absence.finish(after(9)) == [gap("outage", 0, "refuses", end=9)]
    assert absence.finish(after(10)) == []
