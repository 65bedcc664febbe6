from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from iss_agents.errors import UserError
from iss_agents.simulator.recording import RecordedUpdate, RecordingWriter
from iss_agents.simulator.replay import Replay
from iss_agents.simulator.station import Station
from iss_agents.simulator.updates import FIELDS, TIME_STAMP, VALUE
from iss_agents.telemetry.station_clock import source_time, station_hours
from tests.simulator.listening import Listening, Seen
from tests.waiting import until

THEN = datetime(2026, 8, 11, 10, 27, 50, tzinfo=UTC)
NOW = datetime(2027, 1, 1, 0, 0, 1, tzinfo=UTC)


def recorded(item: str, time_stamp: str | None, value: str, seconds: float, session: int = 1) -> RecordedUpdate:
    fields = dict.fromkeys(FIELDS) | {TIME_STAMP: time_stamp, VALUE: value}
    arrival = THEN + timedelta(seconds=seconds)
    return RecordedUpdate.of(item, fields, arrival, snapshot=False, session=session)


def written(path: Path, *updates: RecordedUpdate) -> Path:
    with RecordingWriter(path) as recording:
        for update in updates:
            recording.write(update)
    return path


def hours(seconds: float) -> str:
    return repr(station_hours(THEN + timedelta(seconds=seconds)))


def test_distances_of_arrival_and_measurement_are_kept(tmp_path: Path) -> None:
    path = written(
        tmp_path / "feed.jsonl",
        recorded("NODE3000005", hours(-3), "37", 0),
        recorded("NODE3000005", hours(9), "38", 10),
    )
    replay = Replay(path)
    [first] = replay.due(NOW)

    assert source_time(float(first.fields[TIME_STAMP] or ""), NOW) == NOW - timedelta(seconds=3)
    assert replay.due(NOW + timedelta(seconds=9.9)) == []
    later = NOW + timedelta(seconds=10)
    [second] = replay.due(later)
    assert second.fields[VALUE] == "38"
    assert source_time(float(second.fields[TIME_STAMP] or ""), later) == NOW + timedelta(seconds=9)
    assert replay.due(NOW + timedelta(days=1)) == []


def test_the_station_clock_shows_the_moved_time(tmp_path: Path) -> None:
    path = written(
        tmp_path / "feed.jsonl",
        recorded("TIME_000001", hours(0), "19276069000", 0),
        recorded("TIME_000002", hours(0), "2026", 0),
    )
    clock, year = Replay(path).due(NOW)

    assert clock.fields[VALUE] == str(86_401_000)
    assert year.fields[VALUE] == "2027"


@pytest.mark.parametrize("time_stamp", [None, "", "0", "nonsense", "-5"])
def test_what_was_never_measured_stays_so(tmp_path: Path, time_stamp: str | None) -> None:
    path = written(tmp_path / "feed.jsonl", recorded("S1000001", time_stamp, "1", 0))
    [update] = Replay(path).due(NOW)

    assert update.fields[TIME_STAMP] == time_stamp


def test_a_broken_recording_is_refused_before_it_plays(tmp_path: Path) -> None:
    path = written(tmp_path / "feed.jsonl", recorded("NODE3000005", hours(0), "37", 0))
    path.write_text(path.read_text() + "{}\n")

    with pytest.raises(UserError, match=r"feed\.jsonl, line 2: Object missing required field"):
        Replay(path)


async def test_another_session_of_the_recording_is_another_session_of_its_client(tmp_path: Path) -> None:
    path = written(
        tmp_path / "feed.jsonl",
        recorded("NODE3000005", hours(0), "37", 0),
        recorded("NODE3000005", hours(3600), "38", 3600),
        recorded("NODE3000005", hours(7200), "39", 7200, session=2),
    )
    station = await Station([Replay(path)]).start()
    listening = Listening(station.url, ["NODE3000005"])
    listening.connect()
    await until(lambda: listening.values == ["37"])
    station.tick(datetime.now(UTC) + timedelta(hours=1))
    await until(lambda: listening.values == ["37", "38"])
    station.tick(datetime.now(UTC) + timedelta(hours=2))
    await until(lambda: listening.values[-1:] == ["39"])
    listening.client.disconnect()
    await until(lambda: listening.client.getStatus() == "DISCONNECTED")
    await station.stop()

    assert listening.seen == [
        Seen("NODE3000005", "37", snapshot=True),
        Seen("NODE3000005", "38", snapshot=False),
        Seen("NODE3000005", "39", snapshot=True),
    ]
