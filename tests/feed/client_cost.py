"""CPU time of the feed per update, from the socket on, with the library as it is shipped and corrected.

    uv run python -m tests.feed.client_cost --rate 1000 --shipped
    uv run python -m tests.feed.client_cost --rate 10000 --seconds 300

A station in a process of its own sends numbers; those of an item have to arrive once and in order. It needs
nothing that runs already. CPU time hardly depends on what else the machine does.
"""

import argparse
import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time, thread_time
from typing import Literal, NamedTuple

from mode import Service

from iss_agents.config.settings import Settings, load_settings, make_home
from iss_agents.feed.decode import Update
from iss_agents.feed.lightstreamer import StationClient
from iss_agents.feed.lightstreamer_corrections import correct_library
from iss_agents.feed.producer_record import ProducerRecord
from iss_agents.feed.publisher import Publisher
from iss_agents.feed.service import Feed
from iss_agents.kafka.clients import quiet_kafka_logs
from iss_agents.local_stack.jars import jar_folder
from iss_agents.local_stack.kafka import Kafka
from iss_agents.local_stack.ports import free_port
from iss_agents.runtime.health import Health
from iss_agents.telemetry.records import decode_reading
from iss_agents.telemetry.shards import Shard
from iss_agents.telemetry.topics import RAW
from tests.feed.scripted_session import as_shipped
from tests.waiting import until

NOWHERE = "127.0.0.1:1"
PATIENCE_SECONDS = 240.0
"""For what is still on its way when the station has sent everything."""


class Tally:
    """Counts numbers that arrive, and those that are missing, repeated or out of order."""

    def __init__(self) -> None:
        self.last: dict[str, int] = {}
        self.received = 0
        self.wrong = 0
        self.seconds = 0.0
        """CPU time of the tally itself, which is not the feed's."""

    def add(self, item_id: str, value: str | None) -> None:
        number = int(value or 0)
        self.wrong += number != self.last.get(item_id, 0) + 1
        self.last[item_id] = number
        self.received += 1

    def add_updates(self, updates: Sequence[Update]) -> None:
        began = thread_time()
        for update in updates:
            self.add(update.item_id, update.fields["Value"])
        self.seconds += thread_time() - began

    def add_records(self, records: Sequence[ProducerRecord]) -> None:
        began = thread_time()
        for record in records:
            if record.topic == RAW.name:
                reading = decode_reading(record.value)
                self.add(reading.item_id, reading.value)
        self.seconds += thread_time() - began


class ListeningClient(Service):
    """The client alone: socket to list."""

    def __init__(self, settings: Settings, tally: Tally) -> None:
        super().__init__()
        self._client = StationClient(
            settings.feed_url,
            settings.feed_adapter_set,
            settings.feed_shard.watched,
            on_updates=tally.add_updates,
            on_status=lambda _status: None,
            on_failure=lambda _code, _message: None,
            on_rejected_item=lambda _item, _reason: None,
            on_lost_updates=lambda _counts: None,
        )

    async def on_start(self) -> None:
        self._client.connect()

    async def on_stop(self) -> None:
        await self._client.disconnect()


class TallyingPublisher(Publisher):
    """A publisher that counts what it is offered; with a Kafka it sends it, too."""

    def __init__(self, settings: Settings, health: Health, tally: Tally) -> None:
        super().__init__(settings, health)
        self._tally = tally
        self._sends = settings.kafka_url != NOWHERE

    def offer(self, records: Sequence[ProducerRecord]) -> None:
        self._tally.add_records(records)
        if self._sends:
            super().offer(records)

    async def recover(self) -> None:
        """Recover nothing: the home is new."""


class Load(NamedTuple):
    """`rate` updates/s for `seconds` to `shards` feeds, or to a client alone."""

    stage: Literal["client", "feed"]
    rate: float
    seconds: float
    shards: int = 1

    def services(self, settings: Settings, tally: Tally) -> Sequence[Service]:
        """Return what receives it, in the order in which it starts."""
        if self.stage == "client":
            return [ListeningClient(settings, tally)]
        health = Health()
        publisher = TallyingPublisher(settings, health, tally)
        feed = Feed(settings, health, publisher)
        return [feed] if settings.kafka_url == NOWHERE else [publisher, feed]


class Outcome(NamedTuple):
    """What arrived, how much of it not in its place or not at all, and the CPU time per update."""

    received: int
    wrong: int
    microseconds: float

    def __str__(self) -> str:
        return f"{self.received:,} updates, {self.wrong} out of place, {self.microseconds:.0f} us CPU each"


async def measure(load: Load, home: Path, kafka_url: str = NOWHERE) -> Outcome:
    """Return what arrives of a load; a feed publishes it if there is a Kafka."""
    tally = Tally()
    async with counting_station(load) as (station, url), AsyncExitStack() as stack:
        for shard in Shard(1, load.shards).siblings:
            settings = Settings(feed="always", feed_shard=shard, feed_url=url, kafka_url=kafka_url, home=home)
            make_home(settings)
            for service in load.services(settings, tally):
                await stack.enter_async_context(service)
        began = process_time()
        last: Mapping[str, int] = json.loads(await said(station))
        await until(lambda: tally.received >= sum(last.values()), PATIENCE_SECONDS)
        taken = process_time() - began - tally.seconds
    wrong = tally.wrong + sum(tally.last.get(item) != count for item, count in last.items())
    return Outcome(tally.received, wrong, taken / tally.received * 1e6)


@asynccontextmanager
async def counting_station(load: Load) -> AsyncIterator[tuple[Process, str]]:
    """Yield a station in a process of its own, and its address."""
    command = (sys.executable, "-m", "tests.feed.measuring_station", load.rate, load.seconds, load.shards)
    station = await asyncio.create_subprocess_exec(*map(str, command), stdin=PIPE, stdout=PIPE)
    try:
        yield station, await said(station)
    finally:
        assert station.stdin
        station.stdin.close()
        await asyncio.wait_for(station.wait(), 10)


async def said(station: Process) -> str:
    assert station.stdout
    return (await station.stdout.readline()).decode().strip()


async def show_stages(load: Load) -> None:
    """Measure a load at each stage, and say what comes of it."""
    with TemporaryDirectory() as folder:
        kafka = Kafka(Path(folder) / "kafka", free_port())
        program = kafka.start(jar_folder(load_settings().home))
        try:
            program.wait_until(kafka.ready)
            say(f"  client             {await measure(load, Path(folder) / 'client')}")
            load = load._replace(stage="feed")
            say(f"  feed               {await measure(load, Path(folder) / 'feed')}")
            say(f"  feed and publisher {await measure(load, Path(folder) / 'publisher', kafka.url)}")
        finally:
            program.stop()


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rate", type=float, default=1000)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--shipped", action="store_true", help="measure the library as it is shipped, too")
    arguments = parser.parse_args()
    quiet_kafka_logs()
    load = Load("client", arguments.rate, arguments.seconds)
    correct_library()
    if arguments.shipped:
        say("as shipped:")
        with as_shipped():
            asyncio.run(show_stages(load))
        say("corrected:")
    asyncio.run(show_stages(load))


if __name__ == "__main__":
    main()
