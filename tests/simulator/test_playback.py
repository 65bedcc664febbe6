from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise

from iss_agents.simulator.playback import PERIOD, Playback, rows, whole_recording
from iss_agents.simulator.updates import TIME_STAMP, VALUE, Update
from iss_agents.telemetry.station_clock import source_time

NOW = datetime(2026, 5, 4, 12, 0, 0, 123456, tzinfo=UTC)


def time_of(update: Update, now: datetime) -> datetime:
    return source_time(float(update.fields[TIME_STAMP] or ""), now)


@cache
def moved() -> list[Update]:
    return whole_recording(NOW)


def test_whole_recording_has_every_row_in_order_just_before_now() -> None:
    updates = moved()
    times = [time_of(update, NOW) for update in updates]

    assert len(updates) == 131_065
    assert len({update.item_id for update in updates}) == 23
    assert times == sorted(times)
    assert NOW - times[-1] == timedelta(seconds=1, microseconds=456)
    assert [update.fields[VALUE] for update in updates] == [row.value for row in rows()]


def test_no_item_has_two_rows_at_one_time() -> None:
    counted = Counter((update.item_id, time_of(update, NOW)) for update in moved())

    assert max(counted.values()) == 1


def test_begins_with_a_snapshot_of_every_item_from_before() -> None:
    snapshot = Playback().due(NOW)

    assert len(snapshot) == 23
    assert all(NOW - PERIOD < time_of(update, NOW) < NOW for update in snapshot)


def test_plays_at_the_pace_of_the_recording() -> None:
    playback = Playback()
    playback.due(NOW)
    minute = playback.due(NOW + timedelta(minutes=1))

    assert len(minute) == sum(row.offset <= timedelta(minutes=1) for row in rows())
    assert playback.due(NOW + timedelta(minutes=1)) == []


def test_time_of_an_item_always_grows_through_the_seam() -> None:
    playback = Playback()
    start = NOW
    last: dict[str, datetime] = {}
    updates = [(update, start) for update in playback.due(start)]
    for hour in range(1, 8):
        now = start + timedelta(hours=hour)
        updates += [(update, now) for update in playback.due(now)]

    for update, now in updates:
        time = time_of(update, now)
        assert update.item_id not in last or time > last[update.item_id]
        last[update.item_id] = time
    assert len(updates) > 131_065 + 23


def test_the_seam_is_no_longer_than_the_pauses_of_the_recording() -> None:
    offsets = [row.offset for row in rows()]
    longest_pause = max(after - before for before, after in pairwise(offsets))

    assert offsets[0] + PERIOD - offsets[-1] <= longest_pause
