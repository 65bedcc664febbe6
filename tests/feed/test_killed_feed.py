"""What a kill -9 of a feed costs while Kafka is away: what it has received and not yet written to its disk."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from iss_agents.feed.quality import HOLD
from iss_agents.feed.salvage import Salvage
from iss_agents.simulator.station import Station
from iss_agents.telemetry.records import Reading, decode_reading
from iss_agents.telemetry.topics import RAW
from tests.waiting import until

pytestmark = pytest.mark.long

TICK_SECONDS = 0.05
ORDINARY, DROPPED = "NODE3000008", "NODE3000005"

FEED = """
import asyncio, sys
from pathlib import Path
from iss_agents.config.settings import Settings
from iss_agents.feed.publisher import Publisher
from iss_agents.feed.service import Feed
from iss_agents.runtime.health import Health

async def main(url, home):
    settings = Settings(feed="always", feed_url=url, kafka_url="127.0.0.1:1", home=Path(home))
    health = Health()
    publisher = Publisher(settings, health)
    await publisher.start()
    await Feed(settings, health, publisher).start()
    await asyncio.Event().wait()

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.parametrize("seconds_after_zero", [0.5, 3.0])
async def test_a_killed_feed_costs_half_a_second_and_of_an_item_behind_a_fresh_zero_two_more(
    station: Station, tmp_path: Path, seconds_after_zero: float
) -> None:
    station.signal()
    for item in (ORDINARY, DROPPED):
        station.publish(item, "37")
    with subprocess.Popen([sys.executable, "-c", FEED, station.url, str(tmp_path)]) as feed:  # noqa: ASYNC220
        await until(lambda: station.listeners == 1)
        await until(lambda: spooled(tmp_path, DROPPED))
        station.publish(DROPPED, "0")
        sent = 0
        while sent * TICK_SECONDS < seconds_after_zero:
            await asyncio.sleep(TICK_SECONDS)
            sent += 1
            for item in (ORDINARY, DROPPED):
                station.publish(item, str(1000 + sent))
        feed.send_signal(signal.SIGKILL)

    last = {item: int(spooled(tmp_path, item)[-1].value) - 1000 for item in (ORDINARY, DROPPED)}
    lost_seconds = {item: (sent - max(0, number)) * TICK_SECONDS for item, number in last.items()}
    assert lost_seconds[ORDINARY] <= 0.5
    # It is held, with everything behind it, until it is known whether it is one zero of many.
    assert lost_seconds[DROPPED] <= 2.5
    assert (lost_seconds[DROPPED] == sent * TICK_SECONDS) == (seconds_after_zero < HOLD.total_seconds())


def spooled(home: Path, item: str) -> list[Reading]:
    """Return the readings of an item that are on the disk."""
    found = []
    for path in (home / "spool").glob("*.sqlite"):
        with Salvage(path) as salvage:
            records = [row.record for row in salvage.rows()]
        found += [decode_reading(record.value) for record in records if record.topic == RAW.name]
    return [reading for reading in found if reading.item_id == item]
