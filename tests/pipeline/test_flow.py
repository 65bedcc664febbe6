"""From a station over a socket through Kafka, Tables and MongoDB to HTTP, as it runs in production."""

import signal
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pymongo.collection import Collection

from iss_agents.archive.reading_id import event_id_of
from iss_agents.config.settings import Settings
from iss_agents.kafka.topic_admin import provision_topics
from iss_agents.simulator.station import Station
from iss_agents.telemetry.catalog import items
from iss_agents.telemetry.station_clock import rfc3339
from iss_agents.telemetry.topics import RAW
from tests.pipeline.bot import health, shows
from tests.pipeline.conftest import Broker
from tests.pipeline.worker import START_SECONDS, Worker, running
from tests.waiting import until

TANK, PROCESSOR, CABIN = "NODE3000005", "NODE3000004", "USLAB000058"
Readings = Collection[dict[str, Any]]


async def measure(station: Station, item: str, values: list[str]) -> list[datetime]:
    """Send values a second apart, the last one now; return their times."""
    now = datetime.now(UTC).replace(microsecond=0)
    times = [now - timedelta(seconds=len(values) - 1 - number) for number in range(len(values))]
    for time, value in zip(times, values, strict=True):
        station.publish(item, value, time)
    return times


async def test_a_reading_goes_from_the_station_to_every_view(
    broker: Broker, station: Station, readings: Readings, environment: dict[str, str], tmp_path: Path
) -> None:
    broker.start()
    async with running(tmp_path / "home", ISS_FEED_URL=station.url, **environment) as worker:
        station.signal()
        await until(worker.healthy, START_SECONDS)
        times = await measure(station, TANK, ["36", "37", "36", "37"])
        await measure(station, PROCESSOR, ["16.00"])
        await until(lambda: readings.count_documents({"item_id": TANK}) == 4)
        await until(lambda: shows(worker, TANK, "37"))
        await until(lambda: _table_value(worker, "tank_levels", TANK, "37"))

        item = await worker.get(f"/api/v1/items/{PROCESSOR}")
        telemetry = await worker.get(f"/api/v1/telemetry?item={TANK}")
        table = await worker.get(f"/api/v1/tables/last_seen/{TANK}")
        everything = await worker.get("/api/v1/items")
        event_id = await worker.send_test(item_id=CABIN, value="745.2")
        await until(lambda: readings.find_one({"item_id": CABIN}))
        await until(lambda: shows(worker, CABIN, "745.2", "test"))
        unmeasured = await worker.get(f"/api/v1/items/{CABIN}")

    assert (item["value"], item["state"], item["name"]) == ("16.00", "NORMAL", "Urine Processor State")
    stored = [(document["source_ts"], document["value"]) for document in telemetry["readings"]]
    assert stored == list(zip(map(rfc3339, times), ["36", "37", "36", "37"], strict=True))
    assert table["value"]["reading"]["value"] == "37"
    assert everything["count"] == len(items())
    assert everything["signal"]["state"] == "AOS"
    (tried,) = readings.find({"item_id": CABIN})
    assert (event_id_of(tried), tried["source"], tried["number"]) == (event_id, "test", 745.2)
    assert not unmeasured["measured"]


@pytest.mark.long
async def test_a_worker_starts_without_kafka_says_so_and_loses_nothing(
    broker: Broker, station: Station, readings: Readings, environment: dict[str, str], tmp_path: Path
) -> None:
    async with running(tmp_path / "home", ISS_FEED_URL=station.url, **environment) as worker:
        station.signal()
        await until(partial(_kafka_fails, worker, "ISS_KAFKA_URL"), START_SECONDS)
        await until(lambda: station.listeners == 1)
        await measure(station, TANK, [str(level) for level in range(20, 60)])
        await until(lambda: _spooled(worker, 41))
        assert await worker.status("/healthz") == 503
        parts = await health(worker)
        broker.start()
        await until(lambda: readings.count_documents({"item_id": TANK}) == 40)
        await until(worker.healthy)

    assert not parts["kafka"]["ok"]
    assert parts["feed"]["ok"]


UNMENDABLE = (
    "The topic telemetry.raw.v1 has 3 partitions and needs 12: "
    "save what you need of it, delete it, and start again."
)


@pytest.mark.long
async def test_a_topic_that_cannot_be_mended_is_named_and_the_readings_wait_in_the_spool(
    broker: Broker, station: Station, environment: dict[str, str], tmp_path: Path
) -> None:
    broker.start()
    await provision_topics(Settings(kafka_url=broker.url), [replace(RAW, partitions=3)])
    variables = environment | {"ISS_FEED": "leader", "ISS_FEED_URL": station.url}
    async with running(tmp_path / "home", **variables) as worker:
        station.signal()
        await until(partial(_kafka_fails, worker, UNMENDABLE), START_SECONDS)
        await until(lambda: _spooled(worker, 1))
        assert await worker.status("/healthz") == 503

    assert "Traceback" not in worker.log


@pytest.mark.long
async def test_a_worker_killed_under_load_and_started_again_loses_and_repeats_nothing(
    broker: Broker, station: Station, readings: Readings, environment: dict[str, str], tmp_path: Path
) -> None:
    broker.start()
    # The feed runs in a process of its own: what a killed feed had not received is not there to be kept.
    feed = environment | {"ISS_ROLES": "feed,web", "ISS_FEED_URL": station.url}
    rest = environment | {"ISS_ROLES": "agents,archive,web"}
    sent: list[tuple[datetime, str]] = []
    async with running(tmp_path / "feed", **feed) as feeding:
        station.signal()
        await until(lambda: station.listeners == 1, START_SECONDS)
        for attempt in range(3):
            async with running(tmp_path / "rest", **rest) as worker:
                await until(partial(_answers, worker), START_SECONDS)
                values = [str(attempt * 1000 + number) for number in range(500)]
                sent += zip(await measure(station, CABIN, values), values, strict=True)
                await until(lambda: readings.count_documents({"item_id": CABIN}) > 0)
                await worker.stop(signal.SIGKILL)
        expected = dict(sent)
        async with running(tmp_path / "rest", **rest) as worker:
            await until(lambda: shows(worker, CABIN, sent[-1][1]), START_SECONDS)
            await until(lambda: readings.count_documents({"item_id": CABIN}) >= len(set(sent)))
        assert feeding.process
        assert feeding.process.poll() is None

    stored = list(readings.find({"item_id": CABIN}).sort("sequence"))
    assert {(document["source_ts"], document["value"]) for document in stored} == set(sent)
    assert len(stored) == len(set(sent))
    assert len(expected) > 500


@pytest.mark.long
async def test_a_worker_with_views_alone_shows_what_other_workers_keep(
    broker: Broker, station: Station, environment: dict[str, str], tmp_path: Path
) -> None:
    broker.start()
    agents = environment | {"ISS_ROLES": "agents"}
    views = environment | {"ISS_ROLES": "feed,web", "ISS_FEED_URL": station.url}
    async with running(tmp_path / "agents", **agents), running(tmp_path / "views", **views) as worker:
        station.signal()
        await until(lambda: station.listeners == 1, START_SECONDS)
        await measure(station, TANK, ["41"])
        await until(lambda: shows(worker, TANK, "41"), START_SECONDS)


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("ISS_ROLES", "feed,wab", "ISS_ROLES is 'wab': Input should be 'feed', 'agents', 'archive' or 'web'"),
        ("ISS_WEB_PORT", "web", "ISS_WEB_PORT is 'web': Input should be a valid integer"),
        (
            "ISS_HOME",
            "/dev/null/home",
            "The folder /dev/null/home cannot be made (Not a directory): set ISS_HOME",
        ),
        ("ISS_FEED", "sometimes", "ISS_FEED is 'sometimes': Input should be 'leader', 'always' or 'off'"),
    ],
)
async def test_a_wrong_setting_ends_the_start_with_one_sentence(
    variable: str, value: str, sentence: str, tmp_path: Path
) -> None:
    async with running(tmp_path, **{variable: value}) as worker:
        await until(lambda: worker.process and worker.process.poll() is not None, START_SECONDS)

    assert worker.process
    assert worker.process.returncode == 1
    assert sentence in worker.log
    assert "Traceback" not in worker.log


async def test_a_taken_port_ends_the_start_with_one_sentence(station: Station, tmp_path: Path) -> None:
    port = station.url.rpartition(":")[2]
    async with running(tmp_path, ISS_WEB_PORT=port) as worker:
        await until(lambda: worker.process and worker.process.poll() is not None, START_SECONDS)

    assert worker.process
    assert worker.process.returncode == 1
    assert f"127.0.0.1:{port} cannot be used (Address already in use): set ISS_WEB_PORT" in worker.log
    assert "Traceback" not in worker.log


async def _table_value(worker: Worker, table: str, key: str, value: str) -> bool:
    entries = await worker.get(f"/api/v1/tables/{table}")
    return value in str(entries["entries"].get(key))


async def _answers(worker: Worker) -> bool:
    return await worker.status("/metrics") == 200


async def _kafka_fails(worker: Worker, words: str) -> bool:
    if not await _answers(worker):
        return False
    part = (await health(worker))["kafka"]
    return not part["ok"] and words in part["detail"]


async def _spooled(worker: Worker, count: int) -> bool:
    return await worker.metric("iss_spool_records") + await worker.metric("iss_publisher_pending") >= count
