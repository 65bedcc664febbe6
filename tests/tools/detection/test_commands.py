import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from iss_agents.errors import UserError
from iss_agents.simulator.recording import RecordedUpdate, RecordingWriter
from iss_agents.simulator.updates import FIELDS
from iss_agents.telemetry.records import Reading
from iss_agents.telemetry.station_clock import station_hours
from iss_agents.tools.detection.commands import detect, replay
from tests.detection.factory import LARGE_USE, in_order, reading, stream, tank


def write(path: Path, readings: Iterable[Reading]) -> Path:
    with RecordingWriter(path) as writer:
        for one in readings:
            fields = dict.fromkeys(FIELDS) | {
                "TimeStamp": repr(station_hours(one.source_ts)),
                "Value": one.value,
                "Status.Class": one.status_class,
            }
            writer.write(
                RecordedUpdate.of(
                    one.item_id, fields, one.ingest_ts, snapshot=one.snapshot, session=1 + one.snapshot
                )
            )
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(detect, [str(argument) for argument in arguments])


def test_each_event_of_a_recording_is_a_line(tmp_path: Path) -> None:
    again = tank(240, 45, ingest_ts=stream(LARGE_USE, 400)[-1].ingest_ts, snapshot=True)
    result = run(write(tmp_path / "feed.jsonl.gz", in_order(*stream(LARGE_USE, 400), again)))

    (line,) = [json.loads(line) for line in result.stdout.splitlines()]
    assert {
        name: line[name] for name in ("kind", "start", "end", "detected_at", "delta_percent", "confidence")
    } == {
        "kind": "use",
        "start": "2026-08-11T10:03:25Z",
        "end": "2026-08-11T10:04:00Z",
        "detected_at": "2026-08-11T10:04:45Z",
        "delta_percent": 8.0,
        "confidence": 1.0,
    }
    assert line["source"] == "simulated"
    assert result.exit_code == 0


def test_a_person_reads_a_line_for_each_event(tmp_path: Path) -> None:
    recording = write(tmp_path / "feed.jsonl.gz", in_order(*stream(LARGE_USE, 400)))
    terminal, output = pty.openpty()
    program = "from iss_agents.cli.main import main; main()"

    subprocess.run([sys.executable, "-c", program, "detect", str(recording)], stdout=output, check=True)
    os.close(output)

    with os.fdopen(terminal, "rb") as shown:
        line = shown.readline().decode()
    assert line.startswith("2026-08-11 10:03:25 UTC  use  +8 % (")


def test_a_recording_without_the_tank_says_so(tmp_path: Path) -> None:
    result = run(write(tmp_path / "feed.jsonl", [reading("P4000001", "160.0", at) for at in range(10)]))

    assert (result.stdout, result.exit_code) == ("", 0)
    assert result.stderr == "No uses in 0 readings of the tank's items.\n"


def test_a_recording_without_uses_says_what_was_looked_at(tmp_path: Path) -> None:
    result = run(write(tmp_path / "feed.jsonl", [tank(at, 20) for at in (0, 60, 120)]))

    assert (result.stdout, result.exit_code) == ("", 0)
    expected = "3 readings of the tank's items, 2026-08-11T10:00:00.000Z to 2026-08-11T10:02:00.000Z"
    assert result.stderr == f"No uses in {expected}.\n"


def test_invalid_updates_are_counted(tmp_path: Path) -> None:
    result = run(write(tmp_path / "feed.jsonl", [reading("NODE3000005", "", 0), *stream(LARGE_USE, 400)]))

    assert len(result.stdout.splitlines()) == 1
    assert result.stderr == "1 invalid updates of the tank's items were left out.\n"


def test_a_broken_line_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "feed.jsonl", stream([(0, 20)], 3))
    path.write_bytes(path.read_bytes() + b'{"arrival": 1}\n')

    result = run(path)

    assert isinstance(result.exception, UserError)
    assert str(result.exception).startswith(f"{path}, line 5: ")


def test_a_plot_is_a_picture(tmp_path: Path) -> None:
    picture = tmp_path / "out.png"
    lost = reading("TIME_000001", "1", 300, status_class="1")

    result = run(write(tmp_path / "feed.jsonl", in_order(*stream(LARGE_USE, 300), lost)), "--plot", picture)

    assert result.exit_code == 0
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_without_matplotlib_a_plot_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)

    result = run(write(tmp_path / "feed.jsonl", stream([(0, 20)], 3)), "--plot", tmp_path / "out.png")

    assert str(result.exception) == "Plots need matplotlib: install it with `uv sync --group plot`."


def test_a_plot_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    picture = tmp_path / "missing" / "out.png"

    result = run(write(tmp_path / "feed.jsonl", stream([(0, 20)], 3)), "--plot", picture)

    assert isinstance(result.exception, UserError)
    assert str(picture) in str(result.exception)


def test_a_span_that_ends_before_it_begins_is_one_sentence() -> None:
    result = CliRunner().invoke(replay, ["--from", "-1h", "--to", "-2h"])

    assert str(result.exception) == "--from -1h is not before --to -2h: nothing lies between them."
    assert isinstance(result.exception, UserError)
