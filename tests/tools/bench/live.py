"""How live the stream is: `uv run python -m tests.tools.bench.live [--json]`.

A real Kafka and one worker process with agents and views; readings are written to the raw topic, as the feed
does, and arrive at clients of the stream. Writer and clients are this process. The processor time of the worker
is shown too: it depends less on what else the machine does.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime
from http.client import HTTPConnection
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from random import Random
from statistics import quantiles
from time import monotonic, sleep

from aiokafka import AIOKafkaProducer

from iss_agents.config.settings import Settings, load_settings
from iss_agents.feed.producer_record import outgoing_reading
from iss_agents.kafka.topic_admin import provision_topics
from iss_agents.local_stack.jars import jar_folder
from iss_agents.local_stack.kafka import Kafka
from iss_agents.local_stack.ports import free_port
from iss_agents.telemetry import catalog
from iss_agents.telemetry.catalog import SIGNAL_ITEM
from iss_agents.telemetry.records import new_reading
from iss_agents.tools.bench.cpu_time import processor_seconds
from tests.pipeline.worker import START_SECONDS, Worker, running
from tests.tools.bench.listeners import connect, listening
from tests.waiting import until

Figures = dict[str, float]

ITEMS = [item_id for item_id in catalog.items() if item_id != SIGNAL_ITEM]
USUAL_RATE, HIGH_RATE = 70, 1000
LISTENERS, IDLE_LISTENERS = 100, 1000
MEASURED_SECONDS = 30.0
SETTLED_SECONDS = 15.0
SLICE_SECONDS = 0.02


def say(text: str) -> None:
    """Show progress, apart from the result."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - a program for the terminal


@asynccontextmanager
async def readings(producer: AIOKafkaProducer, rate: int) -> AsyncIterator[None]:
    """Write `rate` readings a second until the block ends, the station's clock among them."""

    async def write() -> None:
        random, began = Random(rate), monotonic()
        written = 0
        for number in count():
            due = int((monotonic() - began) * rate) - written
            names = [SIGNAL_ITEM] * (number % round(1 / SLICE_SECONDS) == 0)
            for item_id in names + random.choices(ITEMS, k=due):
                await _write(producer, item_id, f"{random.uniform(0, 100):.4f}")
            written += due
            await asyncio.sleep(SLICE_SECONDS)

    writing = asyncio.create_task(write())
    try:
        yield
    finally:
        writing.cancel()
        await asyncio.wait([writing])


async def _write(producer: AIOKafkaProducer, item_id: str, value: str) -> None:
    now = datetime.now(UTC)
    reading = new_reading(item_id, now, value, ingest_ts=now, source="simulated", status_class="24")
    record = outgoing_reading(reading)
    await producer.send(record.topic, record.value, record.key, record.partition)


async def latency(worker: Worker, producer: AIOKafkaProducer) -> Figures:
    """Return how long a reading takes to a hundred clients."""
    async with readings(producer, USUAL_RATE), listening(worker.port, LISTENERS) as listeners:
        say(f"{LISTENERS} clients, {USUAL_RATE} readings/s for {MEASURED_SECONDS:.0f} s")
        work = processor_seconds(process_of(worker))
        await asyncio.sleep(MEASURED_SECONDS)
        percent = 100 * (processor_seconds(process_of(worker)) - work) / MEASURED_SECONDS
    delays = [1000 * delay for listener in listeners for delay in listener.delays]
    assert len(delays) > LISTENERS * USUAL_RATE * MEASURED_SECONDS / 2, "readings are missing"
    return {**percentiles("ingest_to_100_clients", delays), "worker_with_100_clients_cpu_percent": percent}


async def idle(worker: Worker, _producer: AIOKafkaProducer) -> Figures:
    """Return what a thousand clients hold while nothing changes; asked first, with no freed memory to reuse."""
    before = resident_megabytes(worker)
    async with listening(worker.port, IDLE_LISTENERS):
        say(f"{IDLE_LISTENERS} idle clients for {SETTLED_SECONDS:.0f} s")
        work = processor_seconds(process_of(worker))
        await asyncio.sleep(SETTLED_SECONDS)
        percent = 100 * (processor_seconds(process_of(worker)) - work) / SETTLED_SECONDS
        held = resident_megabytes(worker) - before
    await until(lambda: _streams(worker, 0), 30)
    return {"memory_of_1000_idle_clients_mb": held, "worker_with_1000_idle_clients_cpu_percent": percent}


async def deaf(worker: Worker, producer: AIOKafkaProducer) -> Figures:
    """Return when a client that does not read is dropped, and how others fare meanwhile."""
    async with readings(producer, HIGH_RATE), listening(worker.port, 1) as (other,):
        say(f"a client that does not read, {HIGH_RATE} readings/s")
        stuck, began = await connect(worker.port, receive_bytes=4096), monotonic()
        await until(lambda: _dropped(worker), 60)
        seconds = monotonic() - began
        stuck.close()
    delays = [1000 * delay for delay in other.delays]
    return {"client_that_does_not_read_dropped_after_s": seconds, **percentiles("ingest_to_the_other", delays)}


async def items(worker: Worker, producer: AIOKafkaProducer) -> Figures:
    """Return how long the answer with all items takes while readings pour in."""
    async with readings(producer, HIGH_RATE):
        say(f"/api/v1/items, {HIGH_RATE} readings/s for {MEASURED_SECONDS:.0f} s")
        await asyncio.sleep(1)
        work = processor_seconds(process_of(worker))
        # Another process asks: this one is busy with writing.
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            times = await asyncio.get_running_loop().run_in_executor(pool, ask_again_and_again, worker.port)
        percent = 100 * (processor_seconds(process_of(worker)) - work) / MEASURED_SECONDS
    return {**percentiles("items", times), "worker_at_1000_readings_cpu_percent": percent}


def ask_again_and_again(port: int) -> list[float]:
    """Return how many milliseconds each answer with all items took."""
    times = []
    with closing(HTTPConnection("127.0.0.1", port)) as connection:
        end = monotonic() + MEASURED_SECONDS
        while monotonic() < end:
            began = monotonic()
            connection.request("GET", "/api/v1/items")
            assert connection.getresponse().read()
            times.append(1000 * (monotonic() - began))
            sleep(0.1)
    return times


async def _streams(worker: Worker, number: int) -> bool:
    return await worker.metric("iss_web_streams") == number


async def _dropped(worker: Worker) -> bool:
    # Not asked more often: to write all metrics takes the worker ten milliseconds.
    await asyncio.sleep(1)
    return await worker.metric("iss_web_streams_dropped_total") > 0


def percentiles(name: str, milliseconds: list[float]) -> Figures:
    """Return the half-way value, the 95th of a hundred and the highest."""
    cuts = quantiles(milliseconds, n=20)
    return {f"{name}_p50_ms": cuts[9], f"{name}_p95_ms": cuts[18], f"{name}_max_ms": max(milliseconds)}


def resident_megabytes(worker: Worker) -> float:
    """Return the memory that the worker holds now."""
    pages = int(Path(f"/proc/{process_of(worker)}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def process_of(worker: Worker) -> int:
    """Return the worker's process id."""
    assert worker.process
    return worker.process.pid


BENCHES: list[Callable[[Worker, AIOKafkaProducer], Awaitable[Figures]]] = [idle, latency, items, deaf]


async def main() -> Figures:
    """Return the figures."""
    with tempfile.TemporaryDirectory() as folder:
        kafka = Kafka(Path(folder) / "kafka", free_port())
        program = kafka.start(jar_folder(load_settings().home))
        try:
            program.wait_until(kafka.ready)
            await provision_topics(Settings(kafka_url=kafka.url))
            return await _measured(Path(folder) / "home", kafka.url)
        finally:
            program.stop()


async def _measured(home: Path, kafka_url: str) -> Figures:
    figures: Figures = {}
    environment = {
        "ISS_KAFKA_URL": kafka_url,
        "ISS_ROLES": "agents,web",
        "ISS_FEED": "off",
        "ISS_SOURCE": "simulated",
    }
    async with (
        running(home, **environment) as worker,
        AIOKafkaProducer(bootstrap_servers=kafka_url, linger_ms=5) as producer,
    ):
        await until(worker.healthy, START_SECONDS)
        for item_id in ITEMS:
            await _write(producer, item_id, "0")
        await until(lambda: _all_known(worker), START_SECONDS)
        for bench in BENCHES:
            found = await bench(worker, producer)
            say("".join(f"  {name} {value:.1f}\n" for name, value in found.items()).rstrip())
            figures |= found
    return figures


async def _all_known(worker: Worker) -> bool:
    return await worker.metric("iss_items_known") >= len(ITEMS)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--json", action="store_true", help="print one JSON object")
    as_json = arguments.parse_args().json
    measured = asyncio.run(main())
    lines = [f"{name:50} {value:10.1f}" for name, value in measured.items()]
    print(json.dumps(measured) if as_json else "\n".join(lines))  # noqa: T201 - a program for the terminal
