import logging
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY

from iss_agents.records import encode
from iss_agents.topics import DECISIONS, EVENTS, GAPS, Topic
from tests.web.conftest import ChangelogRecord, last_seen, reading_of
from web.replica import Replica

COOLDOWNS = "iss-agents-tweet_cooldowns-changelog"
OLDER = reading_of("NODE3000005", "36", source_ts=None)
NEWER = reading_of("NODE3000005", "37", source_ts=OLDER.source_ts.replace(year=OLDER.source_ts.year + 1))


def test_the_higher_sequence_wins_whatever_the_order() -> None:
    replica = Replica()

    assert replica.apply([last_seen(NEWER), last_seen(OLDER)]) == [NEWER]
    assert replica.apply([last_seen(OLDER)]) == []
    assert replica.reading("NODE3000005") == NEWER


def test_a_record_of_the_same_sequence_replaces_the_one_before() -> None:
    replica = Replica()
    other = reading_of("NODE3000005", "38", source_ts=NEWER.source_ts)
    replica.apply([last_seen(NEWER), last_seen(other)])

    assert replica.reading("NODE3000005") == other


def test_a_null_value_deletes_the_key() -> None:
    replica = Replica()
    replica.apply([last_seen(NEWER)])
    replica.apply([last_seen(NEWER)._replace(value=None)])

    assert replica.table("last_seen") == {}
    assert replica.reading("NODE3000005") is None


def test_values_are_given_as_they_are_in_the_changelog() -> None:
    replica = Replica()
    value = {"event_id": "abc", "sequence": 3, "until": "2026-08-11T10:32:48Z"}
    replica.apply([ChangelogRecord(COOLDOWNS, b'"x"', encode(value))])

    assert replica.table("tweet_cooldowns") == {"x": value}
    assert replica.table("tank_levels") == {}


def test_items_are_counted() -> None:
    replica = Replica()
    replica.apply([last_seen(NEWER), last_seen(reading_of("USLAB000058", "742"))])

    assert REGISTRY.get_sample_value("iss_items_known") == 2


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (None, b"{}"),
        (b"NODE3000005", b"{}"),
        (b'"NODE3000005"', b"\xff"),
        (b'"NODE3000005"', b"[]"),
        (b'"NODE3000005"', b'{"sequence": "high"}'),
        (b'"NODE3000005"', b'{"reading": {"value": "37"}}'),
    ],
)
def test_what_cannot_be_read_is_counted_and_ignored(
    caplog: pytest.LogCaptureFixture, key: bytes | None, value: bytes
) -> None:
    replica = Replica()
    before = REGISTRY.get_sample_value("iss_state_undecodable_total") or 0
    bad = ChangelogRecord("iss-agents-last_seen-changelog", key, value)
    with caplog.at_level(logging.WARNING):
        replica.apply([bad, last_seen(NEWER), bad])

    assert replica.table("last_seen").keys() == {"NODE3000005"}
    assert REGISTRY.get_sample_value("iss_state_undecodable_total") == before + 2
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_versions_tell_what_changed_since_when() -> None:
    replica = Replica()
    tank, clock, cabin = "NODE3000005", "TIME_000001", "USLAB000058"
    replica.apply([last_seen(NEWER), last_seen(reading_of(clock, "1")), last_seen(reading_of(cabin, "742"))])
    assert (replica.version, replica.changed_since(0)) == (3, [cabin, clock, tank])

    replica.apply([last_seen(reading_of(clock, "2"))])
    assert (replica.version, replica.changed_since(3), replica.changed_since(4)) == (4, [clock], [])
    assert replica.changed_since(1) == [clock, cabin]
    assert [replica.version_of(item) for item in (tank, clock, "NODE3000009")] == [1, 4, 0]


def test_what_is_read_again_is_no_change() -> None:
    replica = Replica()
    records = [last_seen(NEWER), last_seen(OLDER)]
    replica.apply(records)

    assert replica.apply(records) == []
    assert replica.version == 1
    assert replica.trends.points() == {"NODE3000005": [(NEWER.sequence, 37.0)]}


def test_the_newest_reading_is_the_one_that_came_in_last_unless_it_is_a_test() -> None:
    replica = Replica()
    later = reading_of("USLAB000058", "742", ingest_ts=NEWER.ingest_ts + timedelta(seconds=1))
    tried = reading_of("USLAB000059", "1", ingest_ts=NEWER.ingest_ts + timedelta(seconds=2), source="test")
    replica.apply(map(last_seen, [later, NEWER, tried]))

    assert replica.newest == later
    assert replica.measured() == 3


@pytest.mark.parametrize("topic", [EVENTS, DECISIONS, GAPS])
@pytest.mark.parametrize("value", [None, b"", b"[]", b"\xff", b'{"kind": "use"}'])
def test_what_no_event_decision_or_gap_is_is_counted(topic: Topic, value: bytes | None) -> None:
    before = REGISTRY.get_sample_value("iss_state_undecodable_total") or 0
    Replica().apply([ChangelogRecord(topic.name, b"a", value)])

    assert REGISTRY.get_sample_value("iss_state_undecodable_total") == before + 1
