import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from iss_agents.errors import UserError
from iss_agents.simulator.recording import RecordedUpdate, RecordingWriter, read_recording

LINE = {
    "arrival": "2026-08-11T10:27:49.000Z",
    "item": "NODE3000005",
    "TimeStamp": "5354.463333",
    "Value": "37",
    "Status.Class": "24",
    "Status.Indicator": None,
    "Status.Color": None,
    "CalibratedData": None,
    "snapshot": False,
    "session": 1,
}
UPDATE = RecordedUpdate(
    arrival=datetime(2026, 8, 11, 10, 27, 49, tzinfo=UTC),
    item="NODE3000005",
    time_stamp="5354.463333",
    value="37",
    status_class="24",
    status_indicator=None,
    status_color=None,
    calibrated_data=None,
    snapshot=False,
    session=1,
)


def test_writes_one_json_line_an_update(tmp_path: Path) -> None:
    path = tmp_path / "feed.jsonl"
    with RecordingWriter(path) as recording:
        recording.write(UPDATE)
        recording.write(UPDATE)

    assert [json.loads(line) for line in path.read_text().splitlines()] == [LINE, LINE]


def test_a_name_that_ends_in_gz_means_gzip(tmp_path: Path) -> None:
    path = tmp_path / "feed.jsonl.gz"
    with RecordingWriter(path) as recording:
        recording.write(UPDATE)

    assert json.loads(gzip.decompress(path.read_bytes())) == LINE
    assert list(read_recording(path)) == [UPDATE]


def test_an_update_keeps_its_fields() -> None:
    assert RecordedUpdate.of(UPDATE.item, UPDATE.fields(), UPDATE.arrival, snapshot=False, session=1) == UPDATE


@pytest.mark.parametrize(
    ("broken", "complaint"),
    [
        ("{", "line 2: Input data was truncated"),
        (json.dumps({**LINE, "Value": 37}), "line 2: Expected `str | null`, got `int` - at `$.Value`"),
        (
            json.dumps({**LINE, "arrival": "yesterday"}),
            "line 2: Invalid RFC3339 encoded datetime - at `$.arrival`",
        ),
        (json.dumps({**LINE, "arrival": "2026-08-11T10:27:49"}), "line 2: arrival needs a time zone"),
        (
            json.dumps({k: v for k, v in LINE.items() if k != "item"}),
            "line 2: Object missing required field `item`",
        ),
        (json.dumps({**LINE, "colour": "red"}), "line 2: Object contains unknown field `colour`"),
        ("", "line 2: Input data was truncated"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, broken: str, complaint: str) -> None:
    path = tmp_path / "feed.jsonl"
    path.write_text(f"{json.dumps(LINE)}\n{broken}\n{json.dumps(LINE)}\n")

    with pytest.raises(UserError) as raised:
        list(read_recording(path))

    assert str(raised.value).startswith(f"{path}, {complaint}")


def test_a_file_that_is_not_gzip_is_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "feed.jsonl.gz"
    path.write_text("plain text")

    with pytest.raises(UserError, match=r"Cannot read .* after line 0: Not a gzipped file"):
        list(read_recording(path))


def test_a_torn_gzip_file_is_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "feed.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps(LINE).encode() * 100)[:60])

    with pytest.raises(UserError, match="Cannot read"):
        list(read_recording(path))
