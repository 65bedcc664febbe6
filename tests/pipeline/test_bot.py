"""From the tank to X: each use is told once, whatever fails on the way."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from time import time
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from pymongo.collection import Collection

from iss_agents.application import GROUP
from iss_agents.catalog import TANK_ITEM
from iss_agents.simulator.station import Station
from iss_agents.topics import EVENTS
from tests.announcers.fake_x import KEYS, Answer, FakeX, page, rate_limited, refusing
from tests.pipeline.conftest import Broker
from tests.pipeline.tank_story import (
    LEVEL,
    PERCENT,
    USE_SECONDS,
    Measurement,
    keep_in_kafka,
    lately,
    send,
    use,
    use_before_loss,
    uses,
)
from tests.pipeline.worker import START_SECONDS, Worker, running
from tests.waiting import until

CABIN = "USLAB000058"
TOLD_SECONDS = 15.0
REBALANCE_SECONDS = 30.0

Documents = Collection[dict[str, Any]]


@pytest.fixture
def bot(environment: dict[str, str], station: Station, fake_x: FakeX) -> dict[str, str]:
    """What a worker needs to know to tell X what the station says."""
    keys = {f"ISS_X_{name.upper()}": key for name, key in KEYS._asdict().items()}
    addresses = {"ISS_FEED_URL": station.url, "ISS_X_URL": fake_x.url}
    return environment | keys | addresses | {"ISS_SOURCE": "isslive", "ISS_FEED": "leader"}


@pytest.fixture
def posts(readings: Documents) -> Documents:
    return readings.database["posts"]


@pytest.fixture
def events(readings: Documents) -> Documents:
    return readings.database["events"]


async def test_a_use_is_told_once_and_every_view_shows_it(
    broker: Broker, station: Station, fake_x: FakeX, bot: dict[str, str], posts: Documents, tmp_path: Path
) -> None:
    broker.start()
    async with following(station, tmp_path / "home", bot) as worker:
        send(station, use_before_loss(lately()))
        await until(lambda: posts.count_documents({}) == 1, TOLD_SECONDS)
        (event,) = (await worker.get("/api/v1/events"))["events"]
        (post,) = (await worker.get("/api/v1/posts"))["posts"]
        async with worker.http.get("/api/v1/events.atom") as answer:
            atom = await answer.text()
        await until(partial(_names_cooldown, worker, event["event_id"]))
        seconds = await worker.metric("iss_detection_to_post_seconds_sum")
        told = await worker.metric("iss_detection_to_post_seconds_count")

    (text,) = fake_x.posts
    assert fake_x.received == [text]
    assert (event["kind"], event["source"], event["delta_percent"]) == ("use", "isslive", PERCENT)
    assert (post["event_id"], post["decision"], post["text"]) == (event["event_id"], "posted", text)
    assert [(each["announcer"], each["attempts"]) for each in post["announcements"]] == [("X", 1)]
    assert event["event_id"] in atom
    assert text.splitlines()[-1] in atom
    assert told == 1
    assert 0 < seconds < 120


NO_KEYS = {f"ISS_X_{name.upper()}": "" for name in KEYS._fields}


@pytest.mark.parametrize("changed", [{"ISS_SOURCE": "simulated"}, NO_KEYS], ids=["simulated", "no-keys"])
async def test_what_the_station_did_not_send_and_what_there_are_no_keys_for_is_a_dry_run(
    broker: Broker,
    station: Station,
    fake_x: FakeX,
    bot: dict[str, str],
    posts: Documents,
    tmp_path: Path,
    changed: dict[str, str],
) -> None:
    broker.start()
    async with following(station, tmp_path / "home", bot | changed):
        send(station, use(lately()))
        await until(lambda: posts.count_documents({}) == 1, TOLD_SECONDS)

    assert decisions(posts) == ["dry_run"]
    assert fake_x.received == []


async def test_of_two_uses_within_five_minutes_the_second_is_kept_and_not_told(
    broker: Broker, station: Station, fake_x: FakeX, bot: dict[str, str], posts: Documents, tmp_path: Path
) -> None:
    broker.start()
    async with following(station, tmp_path / "home", bot):
        send(station, uses(lately(), 2))
        await until(lambda: posts.count_documents({}) == 2, TOLD_SECONDS)

    assert decisions(posts) == ["posted", "suppressed"]
    assert len(fake_x.received) == 1


async def test_a_use_that_waited_in_kafka_is_told_unless_it_is_ten_minutes_old(
    broker: Broker, station: Station, fake_x: FakeX, bot: dict[str, str], posts: Documents, tmp_path: Path
) -> None:
    broker.start()
    long_ago = lately(660 + USE_SECONDS)
    async with following(station, tmp_path / "views", bot | {"ISS_ROLES": "web"}, shows_items=False):
        await keep_in_kafka(broker.url, [*use(long_ago), *use(lately(300), LEVEL + PERCENT)])
    async with following(station, tmp_path / "home", bot):
        await until(lambda: posts.count_documents({}) == 2, TOLD_SECONDS)

    assert decisions(posts) == ["stale", "posted"]
    assert len(fake_x.received) == 1


@pytest.mark.parametrize(
    ("answer", "requests"), [("hang", 2), ("take_and_hang", 2), ("take", 1)], ids=["before", "during", "after"]
)
async def test_a_worker_killed_around_its_post_has_told_the_use_once(
    broker: Broker,
    station: Station,
    fake_x: FakeX,
    bot: dict[str, str],
    posts: Documents,
    events: Documents,
    tmp_path: Path,
    answer: str,
    requests: int,
) -> None:
    broker.start()
    fake_x.answers.append(getattr(fake_x, answer))
    async with following(station, tmp_path / "home", bot) as worker:
        send(station, use(lately()))
        await until(lambda: len(fake_x.received) == 1, TOLD_SECONDS)
        if answer == "take":
            await until(lambda: posts.count_documents({}) == 1, TOLD_SECONDS)
        await worker.stop(signal.SIGKILL)
    async with following(station, tmp_path / "home", bot) as worker:
        await until(lambda: posts.count_documents({}) == 1, START_SECONDS)
        await until(partial(_all_events_decided, broker, 1), START_SECONDS)

    assert decisions(posts) == ["posted"]
    assert len(fake_x.posts) == 1
    assert requests <= len(fake_x.received) <= 2
    assert set(fake_x.received) == set(fake_x.posts)
    assert events.count_documents({}) == 1


async def test_a_use_during_which_the_bot_is_killed_and_away_is_told(
    broker: Broker, station: Station, fake_x: FakeX, bot: dict[str, str], posts: Documents, tmp_path: Path
) -> None:
    broker.start()
    rest = bot | {"ISS_ROLES": "agents,archive,web"}
    async with following(
        station, tmp_path / "feed", bot | {"ISS_ROLES": "feed,web"}, shows_items=False
    ) as feed:
        async with running(tmp_path / "rest", **rest) as worker:
            await until(partial(_shows, worker, CABIN), START_SECONDS)
            story = use(lately())
            middle = len(story) // 2
            send(station, story[:middle])
            await until(partial(_shows, worker, TANK_ITEM))
            await worker.stop(signal.SIGKILL)
        send(station, story[middle:])
        await until(partial(_published, feed, len(story)))
        async with running(tmp_path / "rest", **rest):
            await until(lambda: posts.count_documents({}) == 1, START_SECONDS)

    assert decisions(posts) == ["posted"]
    assert len(fake_x.received) == 1


async def test_two_workers_tell_a_use_once(
    broker: Broker, station: Station, fake_x: FakeX, bot: dict[str, str], posts: Documents, tmp_path: Path
) -> None:
    broker.start()
    async with following(station, tmp_path / "one", bot), following(station, tmp_path / "two", bot) as second:
        await until(partial(_has_partitions, second), REBALANCE_SECONDS)
        send(station, use(lately()))
        await until(lambda: posts.count_documents({}) == 1, TOLD_SECONDS)
        await until(partial(_all_events_decided, broker, 1))

    assert decisions(posts) == ["posted"]
    assert len(fake_x.received) == 1


@pytest.mark.parametrize(
    ("answers", "decision", "attempts", "error"),
    [
        ([page(503)], "posted", 2, None),
        ([refusing(401, "Unauthorized")], "refused", 1, "401 Unauthorized"),
        ([refusing(402, "CreditsDepleted")], "refused", 1, "402 CreditsDepleted"),
        ([refusing(403, "Forbidden")], "refused", 1, "403 Forbidden"),
        ([rate_limited(int(time()) + 36_000)], "failed", 1, "later it is no news"),
        ([rate_limited(0)], "posted", 2, None),
        ([page(500), page(502), page(504)], "failed", 3, "504"),
    ],
    ids=["503", "401", "402", "403", "429-too-long", "429", "5xx"],
)
async def test_each_answer_of_x_has_its_decision_and_shows_in_the_health(
    broker: Broker,
    station: Station,
    fake_x: FakeX,
    bot: dict[str, str],
    posts: Documents,
    tmp_path: Path,
    answers: Sequence[Answer],
    decision: str,
    attempts: int,
    error: str | None,
) -> None:
    broker.start()
    fake_x.answers.extend(answers)
    async with following(station, tmp_path / "home", bot) as worker:
        send(station, use(lately()))
        await until(lambda: posts.count_documents({}) == 1, 2 * TOLD_SECONDS)
        async with worker.http.get("/healthz") as reply:
            health = (await reply.json())["parts"]["announcer"]

    post = posts.find_one({})
    assert post
    (announcement,) = post["announcements"]
    assert (post["decision"], announcement["attempts"]) == (decision, attempts)
    assert len(fake_x.received) == attempts
    assert health["ok"] == (decision == "posted")
    if error:
        assert error in announcement["error"]
        assert announcement["error"] in health["detail"]


async def test_while_x_hangs_everything_else_goes_on(
    broker: Broker, station: Station, fake_x: FakeX, bot: dict[str, str], posts: Documents, tmp_path: Path
) -> None:
    broker.start()
    fake_x.answers.append(fake_x.hang)
    async with following(station, tmp_path / "home", bot) as worker:
        begin = lately()
        send(station, uses(begin, 2))
        await until(lambda: len(fake_x.received) == 1, TOLD_SECONDS)
        last = begin + timedelta(seconds=2 * USE_SECONDS)
        send(station, [Measurement(CABIN, "751.0", last), Measurement(TANK_ITEM, "77", last)])
        await until(partial(_shows, worker, CABIN, "751.0"), 5)
        await until(partial(_shows, worker, TANK_ITEM, "77"), 5)
        detected = await worker.metric("iss_events_detected_total")

        assert posts.count_documents({}) == 0

    assert detected == 2


@pytest.mark.long
async def test_while_a_bot_waits_for_x_a_second_worker_gets_its_share_and_the_use_is_told_once(
    broker: Broker, station: Station, fake_x: FakeX, bot: dict[str, str], posts: Documents, tmp_path: Path
) -> None:
    broker.start()
    fake_x.answers.append(rate_limited(int(time()) + 90))
    async with following(station, tmp_path / "one", bot):
        send(station, use(lately()))
        await until(lambda: len(fake_x.received) == 1, TOLD_SECONDS)
        async with running(tmp_path / "two", **bot) as second:
            await until(partial(_has_partitions, second), REBALANCE_SECONDS)
            await until(lambda: posts.count_documents({}) == 1, TOLD_SECONDS)
            await until(partial(_all_events_decided, broker, 1))

    assert decisions(posts) == ["posted"]
    assert len(fake_x.received) == 2
    assert len(fake_x.posts) == 1


BROKEN = f"""
from iss_agents.detection import detector

whole = detector.detect

def detect(state, reading):
    if reading.value == "{LEVEL + 2}":
        raise RuntimeError("a reading that breaks the detector")
    return whole(state, reading)

detector.detect = detect
"""


async def test_an_agent_that_fails_ends_its_process_and_the_readings_come_again(
    broker: Broker, station: Station, fake_x: FakeX, bot: dict[str, str], posts: Documents, tmp_path: Path
) -> None:
    broker.start()
    (tmp_path / "sitecustomize.py").write_text(BROKEN)
    async with following(station, tmp_path / "home", bot | {"PYTHONPATH": str(tmp_path)}) as worker:
        send(station, use(lately()))
        await until(lambda: worker.process and worker.process.poll() is not None, TOLD_SECONDS)
        assert worker.process
        assert worker.process.returncode == 75
        assert "a reading that breaks the detector" in worker.log
    async with following(station, tmp_path / "home", bot):
        await until(lambda: posts.count_documents({}) == 1, START_SECONDS)

    assert decisions(posts) == ["posted"]
    assert len(fake_x.received) == 1


async def test_a_replay_finds_the_same_uses_and_stores_and_tells_none_of_them_again(
    broker: Broker,
    station: Station,
    fake_x: FakeX,
    bot: dict[str, str],
    posts: Documents,
    events: Documents,
    tmp_path: Path,
) -> None:
    broker.start()
    async with following(station, tmp_path / "home", bot) as worker:
        send(station, uses(lately(), 2))
        await until(lambda: posts.count_documents({}) == 2, TOLD_SECONDS)
        found = await replay(bot)
        published = await replay(bot, "--publish")
        await until(partial(_all_events_decided, broker, 4))
        await until(partial(_archived_events, worker, 4))

    stored = [event["_id"] for event in events.find().sort("start")]
    assert found == published == stored
    assert decisions(posts) == ["posted", "suppressed"]
    assert len(fake_x.received) == 1


@asynccontextmanager
async def following(
    station: Station, folder: Path, variables: dict[str, str], *, shows_items: bool = True
) -> AsyncIterator[Worker]:
    """Run a worker that has subscribed to the station's items and shows what they measure."""
    station.publish(CABIN, "745.2")
    async with running(folder, **variables) as worker:
        await until(worker.healthy, START_SECONDS)
        if shows_items:
            await until(partial(_shows, worker, CABIN), START_SECONDS)
        yield worker


async def replay(variables: dict[str, str], *arguments: str) -> list[str]:
    """Run `iss-agents replay` and return the ids of the events that it prints."""
    program = str(Path(sys.executable).with_name("iss-agents"))
    process = await asyncio.create_subprocess_exec(
        program, "replay", "--from", "-1h", *arguments, env=variables, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    return [json.loads(line)["event_id"] for line in output.splitlines()]


def decisions(posts: Documents) -> list[str]:
    """Return what was decided, in the order of the uses."""
    return [post["decision"] for post in posts.find().sort("detected_at")]


async def _shows(worker: Worker, item: str, value: str | None = None) -> bool:
    if await worker.status("/metrics") != 200:
        return False
    shown = (await worker.get(f"/api/v1/items/{item}")).get("value")
    return shown is not None if value is None else bool(shown == value)


async def _names_cooldown(worker: Worker, event_id: str) -> bool:
    entries = (await worker.get("/api/v1/tables/tweet_cooldowns"))["entries"]
    return event_id in str(entries.get("isslive"))


async def _has_partitions(worker: Worker) -> bool:
    if not await worker.status("/healthz"):
        return False
    async with worker.http.get("/healthz") as answer:
        agents = (await answer.json())["parts"].get("agents", {"ok": False})
    return agents["ok"] and not agents["detail"].startswith("0 ")


async def _published(worker: Worker, count: int) -> bool:
    return await worker.metric("iss_published_total", topic="telemetry.raw.v1") >= count


async def _archived_events(worker: Worker, count: int) -> bool:
    return await worker.metric("iss_archive_documents_total", topic=EVENTS.name) >= count


async def _all_events_decided(broker: Broker, count: int) -> bool:
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.url)
    await admin.start()
    try:
        offsets = await admin.list_consumer_group_offsets(GROUP)
    finally:
        await admin.close()
    events = offsets.get(TopicPartition(EVENTS.name, 0))
    return events is not None and events.offset >= count
