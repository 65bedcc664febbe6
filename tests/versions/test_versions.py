"""What earlier versions wrote is read to the same values, and no version changes what it writes (NFR-013)."""

import json
from typing import Any

import bson
import msgspec
import pytest
from faust.serializers.codecs import dumps, loads

from iss_agents.agents.last_value import fold
from iss_agents.agents.watch_tank import state_of
from iss_agents.announcers.decision import Cooldown
from iss_agents.application import app
from iss_agents.archive.reading_id import event_id_of
from iss_agents.archive.rollups.hours import minutes_of, whole_of
from iss_agents.detection.events import EVENT_SCHEMA_VERSION
from iss_agents.state_view.replica import decode_entry
from iss_agents.telemetry.codec import DecodeError, decode_message
from iss_agents.telemetry.records import SCHEMA_VERSION, encode
from tables.last_seen import last_seen
from tables.tank_levels import tank_levels
from tables.tweet_cooldowns import tweet_cooldowns
from tests.versions.examples import COOLDOWN, MESSAGES, PLAIN, READING, STATE, TABLES, documents, hour
from tests.versions.record import decoded, document_in, folder
from tests.web.archived import ArchivedMessage

V1 = folder(1)
BELIEVED = msgspec.structs.replace(READING, suspect=None)
NEW_VERSION = "this is a new schema version: see `Upgrade` in docker/README.md"


def message(value: bytes) -> ArchivedMessage:
    return ArchivedMessage("topic", 0, 0, 0, value)


@pytest.mark.parametrize("name", MESSAGES)
def test_messages_of_version_1_are_read_to_the_same_values(name: str) -> None:
    expected, decode = MESSAGES[name]

    assert decode_message(decode, message((V1 / "messages" / f"{name}.json").read_bytes())) == expected


def test_values_of_version_1_in_changelogs_are_read_to_the_same_values() -> None:
    values = {name: loads("json", (V1 / "changelogs" / f"{name}.json").read_bytes()) for name in TABLES}
    seen = fold([BELIEVED, PLAIN], {READING.item_id: values["last_seen"]})

    assert (seen.outcomes["duplicate"], seen.outcomes["applied"]) == (1, 1)
    assert state_of(values["tank_levels"]) == STATE
    assert msgspec.convert(values["tweet_cooldowns"], Cooldown) == COOLDOWN


def test_the_state_view_reads_changelogs_of_version_1() -> None:
    entries = {name: decode_entry((V1 / "changelogs" / f"{name}.json").read_bytes()) for name in TABLES}

    assert entries["last_seen"].reading == BELIEVED
    assert [entries[name].sequence for name in TABLES] == [
        READING.sequence,
        READING.sequence,
        COOLDOWN.sequence,
    ]


def test_hours_of_version_1_are_read_to_the_same_values() -> None:
    recorded = document_in(V1 / "documents" / "hour.bson")

    assert minutes_of(recorded) == minutes_of(hour())
    assert whole_of(recorded) == whole_of(hour())


def test_every_kind_of_this_version_is_recorded() -> None:
    now = folder(SCHEMA_VERSION)

    assert {file.stem for file in (now / "messages").iterdir()} == set(MESSAGES)
    assert {file.stem for file in (now / "changelogs").iterdir()} == set(TABLES)
    assert {file.stem for file in (now / "documents").iterdir()} == set(documents())


@pytest.mark.parametrize("name", MESSAGES)
def test_no_field_of_a_message_is_renamed_or_removed_without_a_new_version(name: str) -> None:
    _, decode = MESSAGES[name]
    recorded = (folder(SCHEMA_VERSION) / "messages" / f"{name}.json").read_bytes()

    assert json.loads(recorded).items() <= json.loads(encode(decode(recorded))).items(), NEW_VERSION


@pytest.mark.parametrize("name", TABLES)
def test_no_field_of_a_table_is_renamed_or_removed_without_a_new_version(name: str) -> None:
    recorded = (folder(SCHEMA_VERSION) / "changelogs" / f"{name}.json").read_bytes()

    assert _holds(json.loads(dumps("json", TABLES[name])), json.loads(recorded)), NEW_VERSION


@pytest.mark.parametrize("name", documents())
def test_no_field_of_a_document_is_renamed_or_removed_without_a_new_version(name: str) -> None:
    recorded = document_in(folder(SCHEMA_VERSION) / "documents" / f"{name}.bson")
    today = decoded(bson.encode(documents()[name]))

    if name.startswith("reading"):
        # Recorded when the event_id was the `_id`.
        assert event_id_of(today) == recorded.pop("_id")
    assert _holds(today, recorded), NEW_VERSION


def _holds(today: Any, recorded: Any) -> bool:
    """Return whether today's value has all that was recorded; more is allowed."""
    if isinstance(recorded, dict):
        return all(name in today and _holds(today[name], value) for name, value in recorded.items())
    return bool(today == recorded)


def test_changelogs_keep_their_names() -> None:
    names = {table.changelog_topic.get_topic_name() for table in (last_seen, tank_levels, tweet_cooldowns)}

    assert names == {f"iss-agents-{name}-changelog" for name in TABLES}
    assert app.conf.version == 1


def test_what_a_newer_version_wrote_is_kept_and_not_guessed() -> None:
    newer = (
        (V1 / "messages" / "reading.json")
        .read_bytes()
        .replace(b'"schema_version":1', b'"schema_version":%d' % (SCHEMA_VERSION + 1))
    )
    _, decode = MESSAGES["reading"]
    with pytest.raises(DecodeError) as failure:
        decode_message(decode, message(newer))

    assert failure.value.reason == "newer_schema"
    assert EVENT_SCHEMA_VERSION <= SCHEMA_VERSION
