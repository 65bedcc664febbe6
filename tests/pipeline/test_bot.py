"""From the tank to X: each use is told once, and every view says so."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from time import time

import pytest

from iss_agents.config.settings import Settings
from iss_agents.kafka.topic_admin import provision_topics
from iss_agents.telemetry.catalog import PROCESSOR_ITEM, SIGNAL_ITEM, TANK_ITEM
from iss_agents.telemetry.topics import EVENTS
from tests.announcers.fake_x import Answer, body, page, rate_limited, refusing
from tests.pipeline.bot import CABIN, TOLD_SECONDS, X_KEYS, Bot, health, shows
from tests.pipeline.tank_story import (
    LEVEL,
    PERCENT,
    SIGNAL_LOST,
    USE_SECONDS,
    Measurement,
    keep_in_kafka,
    lately,
    use,
    use_before_loss,
    uses,
)
from tests.pipeline.worker import Worker
from tests.waiting import until

pytestmark = pytest.mark.long


async def test_a_use_is_told_once_within_two_minutes_and_every_view_shows_it(bot: Bot) -> None:
    async with bot.following() as worker:
        bot.hear(use_before_loss(lately()))
        await bot.until_decided()
        (event,) = (await worker.get("/api/v1/events"))["events"]
        (post,) = (await worker.get("/api/v1/posts"))["posts"]
        readings = (await worker.get(f"/api/v1/telemetry?item={TANK_ITEM}"))["readings"]
        async with worker.http.get("/api/v1/events.atom") as answer:
            atom = await answer.text()
        await until(partial(_names_cooldown, worker, event["event_id"]))
        seconds = await worker.metric("iss_detection_to_post_seconds_sum")
        told = await worker.metric("iss_detection_to_post_seconds_count")

    (text,) = bot.x.posts
    assert bot.x.received == [text]
    assert (event["kind"], event["source"], event["delta_percent"]) == ("use", "isslive", PERCENT)
    assert (post["event_id"], post["decision"], post["text"]) == (event["event_id"], "posted", text)
    assert [(each["announcer"], each["attempts"]) for each in post["announcements"]] == [("X", 1)]
    assert post["reading_ids"] == event["reading_ids"]
    assert set(post["reading_ids"][:2]) < {reading["event_id"] for reading in readings}
    assert event["event_id"] in atom
    assert text.splitlines()[-1] in atom
    assert told == 1
    assert 0 < seconds < 120


async def test_what_somebody_tests_changes_nothing_that_is_said_of_the_station(bot: Bot) -> None:
    async with bot.following() as worker:
        await worker.send_test(item_id=PROCESSOR_ITEM, value="16")
        await worker.send_test(item_id=TANK_ITEM, value="99")
        await worker.send_test(item_id=SIGNAL_ITEM, value="1", status_class=SIGNAL_LOST)
        await until(partial(shows, worker, SIGNAL_ITEM, "1", "test"))
        bot.hear(use(lately()))
        assert await bot.until_decided() == ["posted"]

        tank = await worker.get("/api/v1/tank")
        signal = (await worker.get("/api/v1/status"))["signal"]["state"]
        await until(partial(_has_stored_levels, worker, [LEVEL + PERCENT, 99]))
        now, tried = await _highest_levels(worker)
        other = await worker.get("/api/v1/tank?source=test")

    (event,) = bot.events.find()
    assert (event["source"], event["processor_running"]) == ("isslive", False)
    assert (tank["level"], tank["last_use"]["event_id"], signal) == (LEVEL + PERCENT, event["_id"], "AOS")
    assert (now, tried) == (LEVEL + PERCENT, 99)
    assert (other["level"], other["signal"], other["last_use"]) == (99, "LOS", None)


async def _has_stored_levels(worker: Worker, levels: list[float]) -> bool:
    return await _highest_levels(worker) == levels


async def _highest_levels(worker: Worker) -> list[float]:
    """Return the highest levels of the last hour, as the station and as somebody who tests sent them."""
    hour = f"/api/v1/telemetry/summary?item={TANK_ITEM}&points=1"
    summaries = [await worker.get(hour + more) for more in ("", "&source=test")]
    return [summary["buckets"][-1]["max"] for summary in summaries]


@pytest.mark.parametrize(
    "changes", [{"ISS_SOURCE": "simulated"}, dict.fromkeys(X_KEYS, "")], ids=["simulated", "no-keys"]
)
async def test_what_the_station_did_not_send_and_what_there_are_no_keys_for_is_a_dry_run(
    bot: Bot, changes: dict[str, str]
) -> None:
    async with bot.following(**changes):
        bot.hear(use(lately()))

        assert await bot.until_decided() == ["dry_run"]

    assert bot.x.received == []


async def test_of_two_uses_within_five_minutes_the_second_is_kept_and_not_told(bot: Bot) -> None:
    async with bot.following():
        bot.hear(uses(lately(), 2))

        assert await bot.until_decided(2) == ["posted", "suppressed"]

    assert len(bot.x.received) == 1


async def test_a_use_that_waited_in_kafka_is_told_unless_it_is_ten_minutes_old(bot: Bot) -> None:
    await provision_topics(Settings(kafka_url=bot.kafka_url))
    old, recent = lately(660 + USE_SECONDS), lately(300)
    await keep_in_kafka(bot.kafka_url, [*use(old), *use(recent, LEVEL + PERCENT)])
    async with bot.starting():
        assert await bot.until_decided(2, 2 * TOLD_SECONDS) == ["stale", "posted"]

    assert len(bot.x.received) == 1


@pytest.mark.parametrize(
    ("answers", "decision", "attempts", "error"),
    [
        pytest.param([page(503)], "posted", 2, None, id="503"),
        pytest.param([refusing(401, "Unauthorized")], "refused", 1, "401 Unauthorized", id="401"),
        pytest.param([rate_limited(int(time()) + 36_000)], "failed", 1, "later it is too old", id="429"),
        pytest.param([page(500), page(502), page(504)], "failed", 3, "504", id="5xx"),
        pytest.param([refusing(402, "No credits")], "refused", 1, "402 No", id="402"),
        pytest.param([refusing(403, "Forbidden")], "refused", 1, "403 Forb", id="403"),
        pytest.param([rate_limited(0)], "posted", 2, None, id="429-over"),
        pytest.param([body("für".encode("latin-1"))], "posted", 2, None, id="captive-portal"),
    ],
)
async def test_each_answer_of_x_has_its_decision_and_shows_in_the_health(
    bot: Bot, answers: Sequence[Answer], decision: str, attempts: int, error: str | None
) -> None:
    bot.x.answers.extend(answers)
    async with bot.following() as worker:
        bot.hear(use(lately()))

        assert await bot.until_decided(seconds=2 * TOLD_SECONDS) == [decision]

        announcer = (await health(worker))["announcer"]
        (post,) = (await worker.get("/api/v1/posts"))["posts"]

    (announcement,) = post["announcements"]
    assert (announcement["attempts"], len(bot.x.received)) == (attempts, attempts)
    assert announcer["ok"] == (decision == "posted")
    if error:
        assert error in announcement["error"]
        assert announcement["error"] in announcer["detail"]


async def test_while_x_hangs_everything_else_goes_on(bot: Bot) -> None:
    bot.x.answers.append(bot.x.hang)
    async with bot.following() as worker:
        begin = lately()
        bot.hear(uses(begin, 2))
        await until(lambda: len(bot.x.received) == 1, TOLD_SECONDS)
        last = begin + timedelta(seconds=2 * USE_SECONDS)
        bot.hear([Measurement(CABIN, "751.0", last), Measurement(TANK_ITEM, "77", last)])
        await until(partial(shows, worker, CABIN, "751.0"))
        await until(partial(shows, worker, TANK_ITEM, "77"))

        assert await worker.metric("iss_events_detected_total") == 2
        assert bot.posts.count_documents({}) == 0


async def test_a_replay_finds_the_same_uses_and_none_is_stored_or_told_again(bot: Bot) -> None:
    async with bot.following() as worker:
        bot.hear(uses(lately(), 2))
        await bot.until_decided(2)
        found = await bot.replay()
        published = await bot.replay("--publish")
        await until(partial(_archived_events, worker, 4))
        posted = [post["_id"] for post in bot.posts.find().sort("detected_at")]
        detected = [event["_id"] for event in bot.events.find().sort("start")]

    assert found == published == detected == posted
    assert len(found) == 2
    assert len(bot.x.received) == 1


async def _names_cooldown(worker: Worker, event_id: str) -> bool:
    entries = (await worker.get("/api/v1/tables/tweet_cooldowns"))["entries"]
    return event_id in str(entries.get("isslive"))


async def _archived_events(worker: Worker, count: int) -> bool:
    return await worker.metric("iss_archive_documents_total", topic=EVENTS.name) >= count
