"""Who is silent, in every case that the feed, the station and this system can bring about."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from iss_agents.runtime.health import PartHealth
from iss_agents.telemetry.records import Gap, GapCause, Reading
from tests.factories import reading_of
from web.current.outage import Facts, Outage, outage_of, since_when

NOW = datetime(2026, 8, 11, 14, 7, 10, tzinfo=UTC)


def ago(**span: float) -> datetime:
    return NOW - timedelta(**span)


def clock(at: datetime, status_class: str = "24") -> Reading:
    return reading_of("TIME_000001", "0", at, ingest_ts=at, status_class=status_class)


def came(at: datetime) -> Reading:
    return reading_of("USLAB000058", "745", at, ingest_ts=at)


def gap(cause: GapCause, start: datetime) -> Gap:
    return Gap(schema_version=1, gap_id=cause, cause=cause, start=start, source="simulated")


def judged(**facts: Any) -> Outage:
    return outage_of(Facts(now=NOW, **facts))


def test_while_readings_come_in_nobody_is() -> None:
    said = judged(clock=clock(ago(seconds=6)), newest=came(ago(seconds=1)))

    assert said == Outage("nobody", None, "Readings come in.")
    assert said.document() == {"who": "nobody", "since": None, "sentence": "Readings come in."}


def test_a_late_clock_is_mentioned_while_readings_come_in() -> None:
    assert judged(clock=clock(ago(minutes=3)), newest=came(ago(seconds=1))) == Outage(
        "nobody", None, "Readings come in, but the station's clock is 3 min old."
    )


def test_without_a_clock_readings_are_enough() -> None:
    assert judged(newest=came(ago(seconds=1))).who == "nobody"


def test_kafka_away_hides_everything_else() -> None:
    facts: dict[str, Any] = {"clock": clock(ago(minutes=9), "1"), "newest": came(ago(minutes=9))}
    said = judged(away_since=ago(minutes=4), complete=False, gaps=[gap("silence", ago(minutes=9))], **facts)

    assert said == Outage(
        "system", ago(minutes=4), "This system does not reach its Kafka since 14:03:10 UTC (4 min)."
    )
    assert said.document()["since"] == "2026-08-11T14:03:10.000Z"


def test_at_the_start_it_is_not_known() -> None:
    assert judged(complete=False, newest=came(ago(seconds=1))) == Outage(
        "unknown", None, "This worker has just started and still reads what is known."
    )


def test_when_nothing_ever_came_it_is_this_system() -> None:
    assert judged() == Outage(
        "system", None, "No reading of the station has come in yet: does a worker run the feed?"
    )


def test_when_nothing_ever_came_and_the_feed_is_unreachable_it_is_the_feed() -> None:
    part = PartHealth(ok=False, detail="The feed at http://x is unreachable.", since=ago(minutes=1))

    assert judged(feed=part) == Outage(
        "feed", ago(minutes=1), "No reading has come in yet. The feed at http://x is unreachable."
    )


def test_when_all_that_ever_came_was_frozen_it_is_the_feed() -> None:
    assert judged(gaps=[gap("frozen", ago(minutes=4))]).who == "feed"


def test_the_outage_of_a_shard_is_said_while_the_others_flow() -> None:
    outage = replace(gap("outage", ago(minutes=4)), shard="2/2")

    assert judged(newest=came(ago(seconds=1)), gaps=[outage]) == Outage(
        "feed",
        ago(minutes=4),
        "The connection to the public feed is lost since 14:03:10 UTC (4 min); it is tried again until it "
        "comes back. So it is for the items of shard 2/2.",
    )


def test_the_outage_of_one_item_silences_nobody() -> None:
    outage = replace(gap("outage", ago(minutes=4)), shard="2/2", item_id="NODE3000005")

    assert judged(clock=clock(ago(seconds=6)), newest=came(ago(seconds=1)), gaps=[outage]).who == "nobody"


def test_a_loss_of_signal_is_the_stations() -> None:
    facts: dict[str, Any] = {"clock": clock(ago(minutes=4), "1"), "newest": came(ago(minutes=4))}

    assert judged(**facts, gaps=[gap("los", ago(minutes=4))]) == Outage(
        "station",
        ago(minutes=4),
        "The station has had no radio contact since 14:03:10 UTC (4 min); it will come back by itself.",
    )


def test_a_loss_whose_gap_is_not_recorded_yet_is_the_stations() -> None:
    lost = clock(ago(seconds=2), "1")

    assert judged(clock=lost, newest=lost)[:2] == ("station", ago(seconds=2))


def test_a_long_loss_is_said_to_be_unusual() -> None:
    facts: dict[str, Any] = {"clock": clock(ago(hours=14), "1"), "newest": came(ago(hours=14))}

    assert judged(**facts, gaps=[gap("los", ago(hours=14))]).sentence == (
        "The station has had no radio contact since 2026-08-11 00:07:10 UTC (14 h), longer than usual; "
        "it comes back by itself unless the public feed is broken."
    )


def test_a_loss_that_nobody_watches_any_longer_is_this_systems() -> None:
    facts: dict[str, Any] = {"clock": clock(ago(minutes=4), "1"), "newest": came(ago(minutes=4))}

    assert judged(**facts) == Outage(
        "system",
        ago(minutes=4),
        "No reading has reached this system since 14:03:10 UTC (4 min): "
        "no worker runs the feed, or none runs the agents.",
    )


def test_an_outage_during_a_loss_is_the_feeds() -> None:
    facts: dict[str, Any] = {"clock": clock(ago(minutes=4), "1"), "newest": came(ago(minutes=4))}

    assert judged(**facts, gaps=[gap("los", ago(minutes=4)), gap("outage", ago(minutes=4))]).who == "feed"


@pytest.mark.parametrize(
    ("cause", "sentence"),
    [
        ("silence", "The public feed is connected, but nothing usable has come since 14:03:10 UTC (4 min)."),
        (
            "outage",
            (
                "The connection to the public feed is lost since 14:03:10 UTC (4 min); "
                "it is tried again until it comes back."
            ),
        ),
        (
            "frozen",
            (
                "The public feed repeats old readings: "
                "the station's clock has stood still since 14:03:10 UTC (4 min)."
            ),
        ),
    ],
)
def test_a_gap_of_the_feed_says_what_is_the_matter(cause: GapCause, sentence: str) -> None:
    start = ago(minutes=4)

    assert judged(clock=clock(start), newest=came(start), gaps=[gap(cause, start)]) == Outage(
        "feed", start, sentence
    )


def test_an_outage_counts_at_once() -> None:
    last = ago(seconds=3)

    assert judged(clock=clock(last), newest=came(last), gaps=[gap("outage", last)]).who == "feed"


def test_a_frozen_clock_counts_while_the_last_believed_readings_are_young() -> None:
    facts: dict[str, Any] = {"clock": clock(ago(seconds=70)), "newest": came(ago(seconds=12))}

    assert judged(**facts, gaps=[gap("frozen", ago(seconds=70))]).who == "feed"


@pytest.mark.parametrize("cause", ["silence", "outage", "frozen", "los", "restart", "overflow"])
def test_a_gap_that_a_killed_worker_left_open_does_not_count_once_readings_come_in(cause: GapCause) -> None:
    facts: dict[str, Any] = {"clock": clock(ago(seconds=6)), "newest": came(ago(seconds=1))}

    assert judged(**facts, gaps=[gap(cause, ago(hours=1))]).who == "nobody"


def test_a_feed_that_says_why_is_believed_before_its_gap_is_recorded() -> None:
    part = PartHealth(ok=False, detail="The feed {x} has sent nothing for 31 s.", since=ago(seconds=2))
    last = ago(seconds=33)

    assert judged(clock=clock(last), newest=came(last), feed=part) == Outage(
        "feed",
        last,
        "Nothing comes from the public feed since 14:06:37 UTC (33 s). The feed {x} has sent nothing for 31 s.",
    )


def test_a_feed_that_fails_here_while_another_worker_has_readings_is_not_the_matter() -> None:
    part = PartHealth(ok=False, detail="unreachable", since=ago(minutes=2))

    assert judged(clock=clock(ago(seconds=6)), newest=came(ago(seconds=1)), feed=part).who == "nobody"


def test_a_feed_that_has_failed_for_long_says_why_when_readings_of_another_end() -> None:
    part = PartHealth(ok=False, detail="The feed is unreachable.", since=ago(hours=1))
    last = ago(minutes=5)
    found = judged(clock=clock(last), newest=came(last), feed=part)

    assert (found.who, found.since) == ("system", last)
    assert found.sentence.endswith(": The feed is unreachable.")


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({}, "no worker runs the feed, or none runs the agents."),
        ({"feed": True}, "this worker's feed stands by, or none runs the agents."),
        ({"feed": True, "agents": True}, "this worker's feed stands by, or none runs the agents."),
        ({"feed": True, "agents": False}, "stuck"),
    ],
)
def test_when_readings_stop_and_no_gap_says_why_it_is_this_system(parts: dict[str, bool], reason: str) -> None:
    known = {name: PartHealth(ok=ok, detail="stuck", since=NOW) for name, ok in parts.items()}
    start = ago(minutes=4)

    assert judged(clock=clock(start), newest=came(start), **known) == Outage(
        "system", start, f"No reading has reached this system since 14:03:10 UTC (4 min): {reason}"
    )


def test_a_time_long_ago_has_its_day() -> None:
    assert since_when(NOW - timedelta(hours=11), NOW) == "since 03:07:10 UTC (11 h)"
    assert since_when(NOW - timedelta(hours=30), NOW) == "since 2026-08-10 08:07:10 UTC (1 d)"
