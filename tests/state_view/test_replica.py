import logging
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import REGISTRY

from iss_agents.state_view.open_gaps import OpenGaps
from iss_agents.state_view.replica import CHANGELOGS, Replica
from iss_agents.telemetry.records import encode
from iss_agents.telemetry.topics import DECISIONS, EVENTS, GAPS, Topic
from tests.factories import ChangelogRecord, last_seen, reading_of

COOLDOWNS = "iss-agents-tweet_cooldowns-changelog"
OLDER = reading_of("NODE3000005", "36", source_ts=None)
NEWER = reading_of("NODE3000005", "37", source_ts=OLDER.source_ts + timedelta(seconds=1))
NOW = datetime.now(UTC).replace(microsecond=0)


def test_the_higher_sequence_wins_whatever_the_order() -> None:
    replica = Replica()

    assert replica.apply([last_seen(NEWER), last_seen(OLDER)]) == [NEWER]
    assert replica.apply([last_seen(OLDER)]) == []
    assert replica.reading("NODE3000005", "simulated") == NEWER


def test_a_record_of_the_same_sequence_replaces_the_one_before() -> None:
    replica = Replica()
    other = reading_of("NODE3000005", "38", source_ts=NEWER.source_ts)
    replica.apply([last_seen(NEWER), last_seen(other)])

    assert replica.reading("NODE3000005", "simulated") == other


@pytest.mark.parametrize("table", CHANGELOGS)
def test_of_two_values_of_one_instant_the_one_that_includes_more_wins_in_every_table(table: str) -> None:
    replica = Replica()
    first, both = ({"sequence": 5, "offset": offset} for offset in (8, 9))
    replica.apply(ChangelogRecord(CHANGELOGS[table].name, b'"x"', encode(each)) for each in (both, first))

    assert replica.table(table) == {"x": both}


def test_a_null_value_deletes_the_key() -> None:
    replica = Replica()
    replica.apply([last_seen(NEWER)])
    replica.apply([last_seen(NEWER)._replace(value=None)])

    assert replica.table("last_seen") == {}
    assert replica.reading("NODE3000005", "simulated") is None


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


def test_items_are_counted_once_whatever_becomes_of_their_values() -> None:
    replica = Replica()
    gone, other = (
        reading_of("USLAB000058", "742"),
        reading_of("NODE3000005", "38", NEWER.source_ts, source="isslive"),
    )
    replica.apply(map(last_seen, [OLDER, OLDER, NEWER, gone]))
    assert (replica.measured("simulated"), REGISTRY.get_sample_value("iss_items_known")) == (2, 2)

    replica.apply([last_seen(other), *[last_seen(gone)._replace(value=None)] * 2])
    assert (replica.measured("simulated"), replica.measured("isslive")) == (0, 1)
    assert REGISTRY.get_sample_value("iss_items_known") == 1


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
    assert (replica.version, replica.changed_since(0, "simulated")) == (3, [cabin, clock, tank])

    replica.apply([last_seen(reading_of(clock, "2"))])
    assert (replica.version, replica.changed_since(3, "simulated"), replica.changed_since(4, "simulated")) == (
        4,
        [clock],
        [],
    )
    assert replica.changed_since(1, "simulated") == [clock, cabin]
    assert [replica.version_of(item, "simulated") for item in (tank, clock, "NODE3000009")] == [1, 4, 0]


def test_what_is_read_again_is_no_change() -> None:
    replica = Replica()
    records = [last_seen(NEWER), last_seen(OLDER)]
    replica.apply(records)

    assert replica.apply(records) == []
    assert replica.version == 1
    assert replica.trends.points("simulated") == {"NODE3000005": [(NEWER.sequence, 37.0)]}


def test_the_newest_reading_of_a_source_is_the_one_that_came_in_last() -> None:
    replica = Replica()
    later = reading_of("USLAB000058", "742", ingest_ts=NEWER.ingest_ts + timedelta(seconds=1))
    tried = reading_of("USLAB000059", "1", ingest_ts=NEWER.ingest_ts + timedelta(seconds=2), source="test")
    replica.apply(map(last_seen, [later, NEWER, tried]))

    assert (replica.newest("simulated"), replica.newest("test")) == (later, tried)
    assert (replica.measured("simulated"), replica.measured("test"), replica.measured("isslive")) == (2, 1, 0)
    assert REGISTRY.get_sample_value("iss_items_known") == 2


def test_a_test_reading_changes_nothing_of_the_feeds() -> None:
    replica = Replica()
    tried = reading_of("NODE3000005", "99", NEWER.source_ts + timedelta(seconds=1), source="test")
    replica.apply(map(last_seen, [NEWER, tried]))

    assert replica.reading("NODE3000005", "simulated") == NEWER
    assert replica.reading("NODE3000005", "test") == tried
    assert replica.trends.points("simulated") == {"NODE3000005": [(NEWER.sequence, 37.0)]}
    assert replica.trends.points("test") == {"NODE3000005": [(tried.sequence, 99.0)]}
    assert (replica.changed_since(1, "simulated"), replica.changed_since(1, "test")) == ([], ["NODE3000005"])


def test_a_test_reading_that_an_earlier_version_kept_under_its_item_is_not_the_items() -> None:
    replica = Replica()
    tried = reading_of("NODE3000005", "99", source="test")
    replica.apply([last_seen(tried)._replace(key=encode("NODE3000005"))])

    assert replica.reading("NODE3000005", "simulated") is None
    assert replica.measured("simulated") == 0


@pytest.mark.parametrize("topic", [EVENTS, DECISIONS, GAPS])
@pytest.mark.parametrize("value", [None, b"", b"[]", b"\xff", b'{"kind": "use"}'])
def test_what_no_event_decision_or_gap_is_is_counted(topic: Topic, value: bytes | None) -> None:
    before = REGISTRY.get_sample_value("iss_state_undecodable_total") or 0
    Replica().apply([ChangelogRecord(topic.name, b"a", value)])

    assert REGISTRY.get_sample_value("iss_state_undecodable_total") == before + 1


def test_whatever_one_record_breaks_the_next_one_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_gaps: OpenGaps, _value: bytes, _timestamp: int) -> None:
        raise OverflowError("date value out of range")

    monkeypatch.setattr(OpenGaps, "apply", broken)
    before = REGISTRY.get_sample_value("iss_state_undecodable_total") or 0

    assert Replica().apply([ChangelogRecord(GAPS.name, b"a", b"{}"), last_seen(NEWER)]) == [NEWER]
    assert REGISTRY.get_sample_value("iss_state_undecodable_total") == before + 1


def test_what_a_clock_wrote_that_was_a_year_ahead_is_overtaken_by_what_is_right() -> None:
    replica = Replica()
    ahead = NOW + timedelta(days=365)
    wrong = reading_of("NODE3000005", "38", source_ts=ahead, ingest_ts=ahead)
    right = [
        reading_of("NODE3000005", str(40 + second), source_ts=at, ingest_ts=at)
        for second, at in enumerate(NOW + timedelta(seconds=second) for second in range(2))
    ]
    replica.apply([last_seen(wrong, offset=0)])
    assert replica.newest("simulated") == wrong
    replica.apply([last_seen(right[1], offset=2), last_seen(right[0], offset=1)])

    assert replica.reading("NODE3000005", "simulated") == right[1]
    assert replica.newest("simulated") == right[1]
    assert replica.trends.points("simulated") == {"NODE3000005": [(right[1].sequence, 41.0)]}
