"""Which events are told, and what a record of a decision looks like."""

from datetime import datetime, timedelta

import msgspec
import pytest

from iss_agents.announcers.decision import (
    Announcement,
    Cooldown,
    Decision,
    Outcome,
    Verdict,
    cooldown_after,
    decide,
    decode_decision,
)
from iss_agents.telemetry.records import encode
from tests.factories import NOON, urination

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
HELD = Cooldown(sequence=1, event_id="earlier", until=NOON)


def decision(outcome: Outcome = "posted") -> Decision:
    return Decision(
        schema_version=1,
        event_id="a1",
        decision=outcome,
        decided_at=NOON + SECOND,
        detected_at=NOON,
        text="Same water, new day.",
        source="isslive",
    )


@pytest.mark.parametrize(
    ("age", "verdict"),
    [
        (-5 * MINUTE - SECOND, "stale"),
        (-5 * MINUTE, "post"),
        (0 * MINUTE, "post"),
        (10 * MINUTE, "post"),
        (10 * MINUTE + SECOND, "stale"),
    ],
)
def test_event_is_stale_after_ten_minutes_and_far_ahead_of_our_clock(age: timedelta, verdict: Verdict) -> None:
    assert decide(urination(), None, NOON + age) == verdict


@pytest.mark.parametrize(
    ("detected_at", "verdict"),
    [(NOON - 6 * MINUTE, "suppressed"), (NOON - SECOND, "suppressed"), (NOON, "post"), (NOON + SECOND, "post")],
)
def test_event_is_suppressed_until_the_cooldown_ends(detected_at: datetime, verdict: Verdict) -> None:
    assert decide(urination(detected_at=detected_at), HELD, NOON) == verdict


@pytest.mark.parametrize("now", [NOON, NOON + 9 * MINUTE])
def test_suppression_does_not_depend_on_when_it_is_decided(now: datetime) -> None:
    assert decide(urination(detected_at=NOON - SECOND), HELD, now) == "suppressed"


def test_stale_event_is_stale_in_a_cooldown_too() -> None:
    assert decide(urination(detected_at=NOON - 11 * MINUTE), HELD, NOON) == "stale"


@pytest.mark.parametrize("now", [NOON, NOON + 60 * MINUTE])
def test_event_that_began_the_cooldown_is_repeated(now: datetime) -> None:
    cooldown = cooldown_after(urination(), decision())

    assert decide(urination(), cooldown, now) == "repeated"


@pytest.mark.parametrize("outcome", ["posted", "dry_run"])
def test_what_was_told_begins_a_cooldown_of_five_minutes_of_station_time(outcome: Outcome) -> None:
    assert cooldown_after(urination(), decision(outcome)) == Cooldown(
        sequence=1786449600000, event_id="a1", until=NOON + 5 * MINUTE
    )


@pytest.mark.parametrize("outcome", ["failed", "refused", "suppressed", "stale"])
def test_what_was_not_told_begins_no_cooldown(outcome: Outcome) -> None:
    assert cooldown_after(urination(), decision(outcome)) is None


def test_decision_survives_its_record() -> None:
    announcements = (Announcement(announcer="X", outcome="posted", attempts=2, post_id="19"),)
    told = msgspec.structs.replace(decision(), announcements=announcements)

    assert decode_decision(encode(told)) == told
    assert encode(told) == (
        b'{"schema_version":1,"event_id":"a1","decision":"posted","decided_at":"2026-08-11T12:00:01Z",'
        b'"detected_at":"2026-08-11T12:00:00Z","text":"Same water, new day.","source":"isslive",'
        b'"announcements":[{"announcer":"X","outcome":"posted","attempts":2,"post_id":"19"}]}'
    )


def test_cooldown_survives_the_table() -> None:
    assert msgspec.convert(msgspec.to_builtins(HELD), Cooldown) == HELD


@pytest.mark.parametrize(
    ("begun", "verdict"),
    [(0 * MINUTE, "suppressed"), (5 * MINUTE, "suppressed"), (timedelta(days=365), "post")],
)
def test_a_cooldown_of_a_clock_that_was_ahead_silences_no_use(begun: timedelta, verdict: Verdict) -> None:
    told = urination(detected_at=NOON + begun, event_id="told")
    begun_then = cooldown_after(told, decision())

    assert decide(urination(detected_at=NOON + SECOND), begun_then, NOON + SECOND) == verdict
