import asyncio
import gzip
import json
import secrets
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from iss_agents.config.settings import Settings
from iss_agents.errors import UserError
from iss_agents.simulator.recording import RecordedUpdate, RecordingWriter, read_recording
from iss_agents.simulator.station import Station
from iss_agents.telemetry.station_clock import station_hours
from iss_agents.tools.probe.record import Recorder, record
from tests.feed.factory import update


async def test_a_recording_holds_what_was_sent_in_the_format_of_recordings(
    station: Station, tmp_path: Path
) -> None:
    measured_at = datetime.now(UTC)
    station.publish("NODE3000005", "37", measured_at)
    path = tmp_path / "feed.jsonl"

    tally = await record(Settings(feed_url=station.url), path, seconds=1)

    (line,) = [json.loads(line) for line in path.read_text().splitlines()]
    assert datetime.fromisoformat(line.pop("arrival")) > measured_at
    assert line == {
        "item": "NODE3000005",
        "TimeStamp": repr(station_hours(measured_at)),
        "Value": "37",
        "Status.Class": "24",
        "Status.Indicator": None,
        "Status.Color": None,
        "CalibratedData": None,
        "snapshot": True,
        "session": 1,
    }
    assert str(tally) == "1 updates of 1 items"


async def test_sessions_are_numbered_from_one(tmp_path: Path) -> None:
    path = tmp_path / "feed.jsonl"
    with RecordingWriter(path) as writer:
        recorder = Recorder(writer)
        recorder.take([update()._replace(session=session) for session in (1786466691000, 1786466691000)])
        recorder.take([update()._replace(session=session) for session in (1786466699000, 1786466691000)])

    assert [line.session for line in read_recording(path)] == [1, 1, 2, 1]


async def test_ctrl_c_leaves_a_whole_gzip_file(station: Station, tmp_path: Path) -> None:
    path = tmp_path / "feed.jsonl.gz"
    command = "import sys; from iss_agents.tools.probe.commands import record; record(sys.argv[1:])"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", command, str(path), "--url", station.url), stdout=asyncio.subprocess.PIPE
    )
    # Nothing repeats, so that gzip has to write before the end.
    sent = 0
    while not path.exists() or path.stat().st_size < 10_000:
        station.publish("NODE3000005", secrets.token_hex(450))
        sent += 1
        await asyncio.sleep(0.001)

    process.send_signal(signal.SIGINT)
    output, _ = await asyncio.wait_for(process.communicate(), 10)

    lines = gzip.decompress(path.read_bytes()).splitlines()
    assert process.returncode == 0
    assert output.decode() == f"{len(lines):,} updates of 1 items are in {path}.\n"
    assert 0 < len(lines) <= sent
    assert {json.loads(line)["item"] for line in lines} == {"NODE3000005"}


async def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "feed.jsonl"

    with pytest.raises(UserError, match=r"Cannot write .*feed.jsonl \(No such file or directory\)"):
        await record(Settings(feed_url="http://127.0.0.1:1"), path, seconds=1)


async def test_a_full_disk_ends_the_recording_with_a_sentence(station: Station) -> None:
    station.publish("NODE3000005", "37")

    with pytest.raises(UserError, match=r"Cannot write /dev/full \(No space left on device\)"):
        await record(Settings(feed_url=station.url), Path("/dev/full"), seconds=1)


async def test_a_recording_that_exists_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "feed.jsonl"
    path.write_text("a recording")

    with pytest.raises(UserError) as told:
        await record(Settings(feed_url="http://127.0.0.1:1"), path, seconds=1)

    assert str(told.value) == f"{path} exists already: choose another name, or remove it."
    assert path.read_text() == "a recording"


async def test_an_unreachable_feed_is_said_in_one_sentence_and_leaves_no_file(tmp_path: Path) -> None:
    settings = Settings(feed_url="http://127.0.0.1:1")

    with pytest.raises(UserError) as told:
        await record(settings, tmp_path / "feed.jsonl", seconds=1)

    assert str(told.value) == (
        "The feed at http://127.0.0.1:1 is unreachable (connection refused): check the network and the address."
    )
    assert not any(tmp_path.iterdir())  # noqa: ASYNC240 - a local folder


def test_a_recorded_update_keeps_every_field() -> None:
    sent = update(StatusColor="%23ff0000", CalibratedData="NORMAL")
    line = RecordedUpdate.of(sent.item_id, sent.fields, sent.arrival, snapshot=False, session=1)

    assert line.fields() == sent.fields
