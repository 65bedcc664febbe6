"""Each use is told once, wherever a worker of the bot is killed, fails or shares its work."""

import asyncio
import signal
from functools import partial
from pathlib import Path
from time import time
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from iss_agents.runtime.fail_fast import EXIT_CODE
from iss_agents.telemetry.catalog import TANK_ITEM
from tests.announcers.fake_x import rate_limited
from tests.pipeline.bot import CABIN, TOLD_SECONDS, X_KEYS, Bot, has_partitions, shows
from tests.pipeline.tank_story import LEVEL, lately, use
from tests.pipeline.worker import START_SECONDS, Worker
from tests.waiting import until

pytestmark = pytest.mark.long

REBALANCE_SECONDS = 30.0
"""A rebalance waits 10 s at most for a worker that is away, and the second worker has to boot."""

LIMITED_SECONDS = 45

BROKEN = f"""
from iss_agents.detection import detector

whole = detector.detect

def detect(state, reading):
    if reading.value == "{LEVEL + 2}":
        raise RuntimeError("a reading that breaks the detector")
    return whole(state, reading)

detector.detect = detect
"""
"""Python runs this in a worker before all else."""


@pytest.mark.parametrize("answer", ["hang", "take_and_hang"])
async def test_a_worker_killed_before_or_after_x_took_the_text_tells_it_once(bot: Bot, answer: str) -> None:
    bot.x.answers.append(getattr(bot.x, answer))
    async with bot.following() as worker:
        bot.hear(use(lately()))
        await until(lambda: len(bot.x.received) == 1, TOLD_SECONDS)
        await worker.stop(signal.SIGKILL)

    assert bot.posts.count_documents({}) == 0

    async with bot.following():
        assert await bot.until_decided(seconds=START_SECONDS) == ["posted"]

    (text,) = bot.x.posts
    assert bot.x.received == [text, text]
    assert bot.events.count_documents({}) == 1


async def test_a_webhook_that_took_a_text_from_a_worker_killed_right_then_gets_it_again_with_the_same_id(
    bot: Bot,
) -> None:
    received: list[dict[str, Any]] = []

    async def take(request: web.Request) -> web.Response:
        received.append(await request.json())
        if len(received) == 1:
            await asyncio.Event().wait()
        return web.Response(status=204)

    application = web.Application()
    application.router.add_post("/hook", take)
    async with TestServer(application, shutdown_timeout=0) as server:
        told = dict.fromkeys(X_KEYS, "") | {"ISS_WEBHOOK_URL": str(server.make_url("/hook"))}
        async with bot.following(**told) as worker:
            bot.hear(use(lately()))
            await until(lambda: len(received) == 1, TOLD_SECONDS)
            await worker.stop(signal.SIGKILL)
        async with bot.following(**told):
            assert await bot.until_decided(seconds=START_SECONDS) == ["posted"]

    first, second = received
    assert first == second
    assert first["event"]["event_id"] == bot.posts.distinct("_id")[0]


async def test_a_worker_killed_after_its_decision_was_recorded_tells_the_use_once(bot: Bot) -> None:
    async with bot.following() as worker:
        bot.hear(use(lately()))
        await until(lambda: bot.posts.count_documents({}) == 1, TOLD_SECONDS)
        await worker.stop(signal.SIGKILL)
    async with bot.following():
        assert await bot.until_decided(seconds=START_SECONDS) == ["posted"]

    assert len(bot.x.posts) == 1
    assert set(bot.x.received) == set(bot.x.posts)
    assert bot.events.count_documents({}) == 1


async def test_a_use_during_which_the_bot_is_killed_and_away_is_told(bot: Bot) -> None:
    agents = {"ISS_ROLES": "agents,archive,web"}
    bot.station.publish(CABIN, "745.2")
    async with bot.starting("feed", ISS_ROLES="feed,web") as feed:
        async with bot.starting("agents", **agents) as worker:
            await until(partial(shows, worker, CABIN, "745.2"), START_SECONDS)
            story = use(lately())
            seen = [measurement.value for measurement in story].index(str(LEVEL + 2)) + 1
            bot.hear(story[:seen])
            await until(partial(shows, worker, TANK_ITEM, str(LEVEL + 2)))
            await worker.stop(signal.SIGKILL)
        bot.hear(story[seen:])
        await until(partial(_has_published, feed, len(story)))
        async with bot.starting("agents", **agents):
            assert await bot.until_decided(seconds=START_SECONDS) == ["posted"]

    assert len(bot.x.received) == 1
    assert bot.events.count_documents({}) == 1


async def test_two_workers_tell_a_use_once(bot: Bot) -> None:
    async with bot.following("one"), bot.following("two") as second:
        await until(partial(has_partitions, second), REBALANCE_SECONDS)
        bot.hear(use(lately()))

        assert await bot.until_decided() == ["posted"]

    assert len(bot.x.received) == 1


async def test_while_the_bot_waits_for_x_a_second_worker_gets_its_share_and_the_use_is_told_once(
    bot: Bot,
) -> None:
    # Whoever was told of the limit asks again only after the reset.
    bot.x.answers.append(rate_limited(int(time()) + LIMITED_SECONDS))
    async with bot.following("one"):
        bot.hear(use(lately()))
        await until(lambda: len(bot.x.received) == 1, TOLD_SECONDS)
        async with bot.starting("two") as second:
            await until(partial(has_partitions, second), REBALANCE_SECONDS)
            assert len(bot.x.received) == 1

            assert await bot.until_decided(seconds=LIMITED_SECONDS + TOLD_SECONDS) == ["posted"]

    (text,) = bot.x.posts
    assert bot.x.received == [text, text]


async def test_an_agent_that_fails_ends_its_process_and_the_readings_come_again(
    bot: Bot, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(BROKEN)
    async with bot.following(PYTHONPATH=str(tmp_path)) as worker:
        bot.hear(use(lately()))
        await until(lambda: worker.process and worker.process.poll() is not None, TOLD_SECONDS)
        assert worker.process
        assert worker.process.returncode == EXIT_CODE
        assert "a reading that breaks the detector" in worker.log
    async with bot.following():
        assert await bot.until_decided(seconds=START_SECONDS) == ["posted"]

    assert len(bot.x.received) == 1


async def _has_published(worker: Worker, count: int) -> bool:
    return await worker.metric("iss_published_total", topic="telemetry.raw.v1") >= count
