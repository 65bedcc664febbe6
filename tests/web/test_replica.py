import logging

import pytest
from prometheus_client import REGISTRY

from iss_agents.records import encode
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
