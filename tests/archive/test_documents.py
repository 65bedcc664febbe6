from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
import pytest

from iss_agents.archive.documents import reading_document
from iss_agents.archive.reading_id import event_id_of, reading_id
from iss_agents.telemetry.catalog import items
from iss_agents.telemetry.codec import DecodeError, Headers
from iss_agents.telemetry.records import encode, new_reading

NOON = datetime(2026, 8, 11, 12, tzinfo=UTC)


@dataclass
class Message:
    value: bytes | None
    topic: str = "telemetry.raw.v1"
    partition: int = 4
    offset: int = 17
    timestamp: int = 0
    headers: Headers = ()


def test_a_reading_has_what_a_person_asks_by() -> None:
    item = items()["NODE3000004"]
    reading = new_reading(
        "NODE3000004",
        NOON,
        "4.00",
        ingest_ts=NOON,
        source="isslive",
        status_class="24",
        session=7,
        snapshot=True,
    )

    assert reading_document(Message(encode(reading))) == {
        "_id": reading_id(NOON, reading.event_id),
        "item_id": "NODE3000004",
        "name": item.name,
        "discipline": item.discipline,
        "unit": item.unit,
        "source_ts": NOON,
        "ingest_ts": NOON,
        "value": "4.00",
        "number": 4.0,
        "state": item.states[4],
        "status_class": "24",
        "sequence": 1786449600000,
        "source": "isslive",
        "snapshot": True,
        "session": 7,
        "schema_version": 1,
        "offset": 17,
    }


def test_of_an_unknown_item_and_a_text_there_is_no_name_and_no_number() -> None:
    reading = new_reading("NEW000001", NOON, "Calm", ingest_ts=NOON, source="test", suspect="frozen")

    assert reading_document(Message(encode(reading))) == {
        "_id": reading_id(NOON, reading.event_id),
        "item_id": "NEW000001",
        "source_ts": NOON,
        "ingest_ts": NOON,
        "value": "Calm",
        "sequence": 1786449600000,
        "source": "test",
        "snapshot": False,
        "session": 0,
        "suspect": "frozen",
        "schema_version": 1,
        "offset": 17,
    }


def test_a_message_without_a_value_cannot_be_decoded() -> None:
    with pytest.raises(DecodeError, match=r"telemetry\.raw\.v1:4:17") as caught:
        reading_document(Message(None))
    assert caught.value.reason == "undecodable"


@pytest.mark.parametrize("name", ["", "17", "0" * 64])
def test_an_event_id_that_does_not_follow_from_the_fields_is_kept(name: str) -> None:
    reading = new_reading("NODE3000005", NOON, "37", ingest_ts=NOON, source="isslive")
    foreign = msgspec.structs.replace(reading, event_id=name)

    documents = [reading_document(Message(encode(one))) for one in (foreign, foreign, reading)]

    assert [event_id_of(document) for document in documents] == [name, name, reading.event_id]
    assert documents[0]["_id"] == documents[1]["_id"] != documents[2]["_id"]
    assert "event_id" not in documents[2]
