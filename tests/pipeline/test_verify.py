"""`iss-agents verify` beside a running worker: nothing differs, until somebody takes something away."""

import asyncio
import json
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from pymongo.collection import Collection

from iss_agents.archive.reading_id import event_id_of
from iss_agents.simulator.station import Station
from iss_agents.telemetry.records import encode, new_reading
from iss_agents.telemetry.topics import LAST_SEEN_CHANGELOG, TANK_LEVELS_CHANGELOG, partition_for
from tests.pipeline.conftest import Broker
from tests.pipeline.test_flow import CABIN, PROCESSOR, TANK, measure
from tests.pipeline.worker import START_SECONDS, Worker, running
from tests.waiting import until

Readings = Collection[dict[str, Any]]


async def verified(environment: dict[str, str], *arguments: str) -> tuple[int, str]:
    """Return exit code and output of the command."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "iss_agents.cli.main", "verify", *arguments),
        env=os.environ | environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()


@pytest.mark.long
async def test_nothing_differs_until_something_is_taken_away_or_slipped_in(
    broker: Broker, station: Station, readings: Readings, environment: dict[str, str], tmp_path: Path
) -> None:
    broker.start()
    async with running(tmp_path / "home", ISS_FEED_URL=station.url, **environment) as worker:
        station.signal()
        await until(worker.healthy, START_SECONDS)
        await measure(station, TANK, ["36", "37", "36", "37"])
        await measure(station, PROCESSOR, ["16.00"])
        await measure(station, CABIN, ["740.1", "740.2"])
        await worker.send_test(item_id=TANK, value="99")
        await until(lambda: readings.count_documents({}) == 9)
        sound = await verified(environment, "--json")
        taken = readings.find_one_and_delete({"item_id": TANK})
        alien = "0" * 64
        readings.insert_one({"_id": alien, "item_id": TANK, "ingest_ts": datetime.now(UTC)})
        broken = await verified(environment, "--json")
        told = await verified(environment)

    assert (sound[0], json.loads(sound[1])["differences"]) == (0, [])
    checked = json.loads(sound[1])["checked"]
    assert (checked["readings"], checked["last_seen"], checked["tank_levels"]) == (9, 5, 4)
    assert taken
    assert broken[0] == 1
    assert json.loads(broken[1])["differences"] == [
        {"kind": "missing", "place": "readings", "name": event_id_of(taken), "detail": ""},
        {"kind": "unexpected", "place": "readings", "name": alien, "detail": ""},
    ]
    assert told[0] == 1
    assert told[1].splitlines()[-1] == "2 differences"


@pytest.mark.long
async def test_finds_tables_that_are_behind_and_ahead_of_the_bus(
    broker: Broker, station: Station, environment: dict[str, str], tmp_path: Path
) -> None:
    broker.start()
    async with running(tmp_path / "home", ISS_FEED_URL=station.url, **environment) as worker:
        station.signal()
        await until(worker.healthy, START_SECONDS)
        [at] = await measure(station, CABIN, ["740.1"])
        await measure(station, TANK, ["36"])
        await until(lambda: _is_followed(worker, TANK))
        await worker.stop()
    later = new_reading(CABIN, at + timedelta(hours=1), "1", ingest_ts=at, source="simulated")
    async with AIOKafkaProducer(bootstrap_servers=broker.url) as producer:
        version = {"sequence": later.sequence, "offset": 9}
        value = encode({"event_ids": [later.event_id], "reading": later, **version})
        await producer.send_and_wait(
            LAST_SEEN_CHANGELOG.name, value, encode(CABIN), partition=partition_for(CABIN)
        )
        await producer.send_and_wait(TANK_LEVELS_CHANGELOG.name, None, encode(TANK), partition=0)

    code, output = await verified(environment, "--json")

    found = {(each["kind"], each["place"], each["name"]) for each in json.loads(output)["differences"]}
    assert code == 1
    assert ("ahead", "last_seen", CABIN) in found
    assert ("behind", "tank_levels", TANK) in found


async def _is_followed(worker: Worker, item_id: str) -> bool:
    tables = await worker.get("/api/v1/tables/tank_levels")
    return any(item_id in value["state"]["positions"] for value in tables["entries"].values())


async def test_says_in_one_sentence_that_kafka_is_away(environment: dict[str, str]) -> None:
    code, output = await verified(environment | {"ISS_KAFKA_URL": "127.0.0.1:1"})

    assert code == 1
    assert "Kafka cannot be used at 127.0.0.1:1" in output
    assert "Traceback" not in output
