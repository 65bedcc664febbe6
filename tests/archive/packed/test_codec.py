"""Packed readings come back as they were stored: every field of every document, in order of arrival."""

from datetime import timedelta
from zlib import crc32

import bson
import cramjam
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iss_agents.archive.cursor import Position
from iss_agents.archive.mongo import Document
from iss_agents.archive.packed.codec import DamagedHourError, pack, unpack
from iss_agents.archive.reading_id import computed_event_id, event_id_of, reading_id
from tests.archive.packed.stored import recorded_hour, stored
from tests.archive.packed.strategies import HOUR, ITEM, as_stored, edited_readings, stored_readings
from tests.factories import reading_of

# Threads of the driver, which other tests have started, use it meanwhile.
pytestmark = pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")


def in_order(documents: list[Document]) -> list[Document]:
    return sorted(documents, key=lambda document: Position.of(document, "source_ts"))


def exact(documents: list[Document]) -> list[bytes]:
    """Return the documents in a form that tells 1 from 1.0 and true, whatever the order of fields."""
    return [bson.encode(dict(sorted(document.items()))) for document in documents]


@settings(max_examples=40)
@given(st.lists(stored_readings, max_size=5, unique_by=lambda reading: reading["_id"]))
def test_readings_of_the_archive_come_back_exactly_and_in_order(readings: list[Document]) -> None:
    assert exact([*unpack(ITEM, pack(ITEM, readings)).documents()]) == exact(in_order(readings))


@settings(max_examples=40)
@given(st.lists(edited_readings, max_size=4, unique_by=lambda reading: reading["_id"]))
def test_fields_that_somebody_has_edited_added_or_deleted_come_back_exactly(readings: list[Document]) -> None:
    assert exact([*unpack(ITEM, pack(ITEM, readings)).documents()]) == exact(in_order(readings))


def test_readings_of_one_instant_come_back_in_order_of_arrival_those_without_an_offset_first() -> None:
    documents = [stored(reading_of(ITEM, f"{value}", HOUR), 9 - value) for value in range(5)]
    del documents[1]["offset"]

    found = [*unpack(ITEM, pack(ITEM, documents)).documents()]

    assert [document["value"] for document in found] == ["1", "4", "3", "2", "0"]


def test_a_reading_of_version_1_comes_back_under_its_new_id_with_the_same_event_id() -> None:
    reading = reading_of(ITEM, "16.00", HOUR)
    document = as_stored(stored(reading, 7) | {"_id": reading.event_id})

    [found] = unpack(ITEM, pack(ITEM, [document])).documents()

    assert found == document | {"_id": reading_id(HOUR, reading.event_id)}
    assert event_id_of(found) == reading.event_id == computed_event_id(found, HOUR)


def test_rows_are_those_of_the_span() -> None:
    documents = [
        stored(reading_of(ITEM, f"{second}", HOUR + timedelta(seconds=second)), second) for second in range(10)
    ]
    unpacked = unpack(ITEM, pack(ITEM, documents))

    rows = unpacked.rows(HOUR + timedelta(seconds=2), HOUR + timedelta(seconds=5))

    assert [document["value"] for document in unpacked.documents(rows)] == ["2", "3", "4"]
    assert len(unpacked) == 10
    assert not unpacked.rows(HOUR + timedelta(seconds=5), HOUR)


@settings(max_examples=50)
@given(st.data())
def test_damaged_bytes_are_told_and_never_read_as_other_readings(data: st.DataObject) -> None:
    packed = bytearray(pack(ITEM, [stored(reading_of(ITEM, "1", HOUR, ingest_ts=HOUR), 1)]))
    if data.draw(st.booleans()):
        packed[data.draw(st.integers(0, len(packed) - 1))] ^= data.draw(st.integers(1, 255))
    else:
        del packed[data.draw(st.integers(0, len(packed) - 1)) :]

    with pytest.raises(DamagedHourError, match=r"restore it from a backup|upgrade this one"):
        unpack(ITEM, bytes(packed))


@pytest.mark.parametrize("content", [b"", b"\xc0", b"\x81\xa1a\x01"], ids=["empty", "nil", "other fields"])
def test_content_that_is_not_a_packed_hour_is_told(content: bytes) -> None:
    compressed = bytes(cramjam.zstd.compress(content))

    with pytest.raises(DamagedHourError, match="cannot be read"):
        unpack(ITEM, b"\x01" + crc32(compressed).to_bytes(4) + compressed)


def test_a_reading_of_the_recording_takes_less_than_ten_bytes() -> None:
    hours = recorded_hour()
    sizes = [len(pack(item_id, documents)) for item_id, documents in hours]

    assert sum(sizes) / sum(len(documents) for _, documents in hours) < 10
