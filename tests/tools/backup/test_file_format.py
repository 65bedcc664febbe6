"""A file that is not, byte by byte, what was written is refused."""

import gzip
from datetime import UTC, datetime
from pathlib import Path

import bson
import pytest
from bson.int64 import Int64
from bson.raw_bson import RawBSONDocument

from iss_agents.errors import UserError
from iss_agents.telemetry.records import SCHEMA_VERSION
from iss_agents.tools.backup.file_format import COLLECTIONS, FORMAT, MARK, Header, Record, Writer, opened

MADE_AT = datetime(2026, 8, 11, 12, tzinfo=UTC)
HEADER = Header(MADE_AT, {"readings": 3})
RECORDS = [Record("readings", RawBSONDocument(bson.encode({"_id": str(n), "value": n}))) for n in range(3)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "iss.backup"
    with gzip.open(path, "wb") as content:
        writer = Writer(content, HEADER)
        for record in RECORDS:
            writer.add(record)
        writer.end()
    return path


def read(path: Path) -> list[Record]:
    with opened(path) as (reader, _):
        return list(reader.records())


def test_what_is_written_is_read(file: Path) -> None:
    with opened(file) as (reader, _):
        assert reader.header == HEADER
        assert list(reader.records()) == RECORDS


def test_a_file_that_is_cut_anywhere_is_refused(file: Path) -> None:
    whole = file.read_bytes()
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        with pytest.raises(UserError):
            read(file)


def test_a_file_with_any_byte_changed_is_refused(file: Path) -> None:
    whole = file.read_bytes()
    # Of what comes before, neither the time nor the name matters to gzip.
    for place in range(whole.index(b"\x00", 10) + 1, len(whole)):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        with pytest.raises(UserError):
            read(file)


EMPTY, GREETING, DOCUMENT = (
    gzip.compress(content, mtime=0) for content in (b"", b"hello, world", bson.encode({"a": 1}))
)


@pytest.mark.parametrize("more", [b"\x01", gzip.compress(bson.encode({"readings": {}}), mtime=0)])
def test_a_file_with_something_after_its_end_is_refused(file: Path, more: bytes) -> None:
    file.write_bytes(file.read_bytes() + more)

    with pytest.raises(UserError, match="is damaged or incomplete: use another backup"):
        read(file)


def test_a_file_without_its_end_mark_is_refused(file: Path) -> None:
    with gzip.open(file, "wb") as content:
        Writer(content, HEADER).add(RECORDS[0])

    with pytest.raises(UserError, match="is damaged or incomplete: use another backup"):
        read(file)


def test_a_file_whose_end_mark_counts_something_else_is_refused(file: Path) -> None:
    with gzip.open(file, "wb") as content:
        writer = Writer(content, HEADER)
        writer.counts["readings"] = 1
        writer.end()

    with pytest.raises(UserError, match="is damaged or incomplete: use another backup"):
        read(file)


@pytest.mark.parametrize(
    "content",
    [b"", b"hello", EMPTY, GREETING, DOCUMENT],
)
def test_what_is_no_backup_is_refused(file: Path, content: bytes) -> None:
    file.write_bytes(content)

    with pytest.raises(UserError, match=r"iss\.backup is not a backup made by `iss-agents backup`\."):
        read(file)


def test_a_file_of_a_newer_version_is_not_guessed(file: Path) -> None:
    header = {MARK: FORMAT + 1, "made_at": MADE_AT, "expected": {}}
    unknown = {MARK: FORMAT, "made_at": MADE_AT, "expected": dict.fromkeys([*COLLECTIONS, "more"], 0)}
    for first in (header, unknown):
        file.write_bytes(gzip.compress(bson.encode(first)))
        with pytest.raises(UserError, match="was written by a newer version of iss-agents: upgrade this one"):
            read(file)


@pytest.mark.parametrize("collection", COLLECTIONS)
@pytest.mark.parametrize("version", [SCHEMA_VERSION + 1, Int64(SCHEMA_VERSION + 7)])
def test_a_document_that_a_newer_version_wrote_is_refused(file: Path, collection: str, version: int) -> None:
    newer = RawBSONDocument(bson.encode({"_id": "x", "schema_version": version}))
    with gzip.open(file, "wb") as content:
        writer = Writer(content, HEADER)
        for record in [*RECORDS, Record(collection, newer)]:
            writer.add(record)
        writer.end()

    with pytest.raises(UserError, match="was written by a newer version of iss-agents: upgrade this one"):
        read(file)


@pytest.mark.parametrize("record", [{"readings": 1}, {"readings": {"schema_version": "2"}}, {"readings": None}])
def test_what_is_no_document_of_ours_is_refused(file: Path, record: dict[str, object]) -> None:
    with gzip.open(file, "wb") as content:
        Writer(content, HEADER)
        content.write(bson.encode(record))

    with pytest.raises(UserError, match="is damaged or incomplete: use another backup"):
        read(file)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"Cannot read .*/none \(No such file or directory\)\."):
        read(tmp_path / "none")
    with pytest.raises(UserError, match=r"Cannot read .* \(Is a directory\)\."):
        read(tmp_path)
