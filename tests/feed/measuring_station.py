"""A station in a process of its own, whose values are counts.

Its arguments are a rate, seconds and listeners. It says its address; measures as soon as so many sessions have
subscribed, for so long; says, as JSON, item -> its last count; and serves until its input is closed.
"""

import asyncio
import json
import sys
from datetime import UTC, datetime

from iss_agents.simulator.station import Station
from iss_agents.simulator.updates import Update, measured
from iss_agents.tools.testbed.sequence import Numbers


class Measuring:
    """A source that gives numbers from `begin` to `end`, `rate` a second."""

    def __init__(self, rate: float) -> None:
        self.numbers: Numbers | None = None
        self._rate = rate
        self._ended = False

    def begin(self) -> None:
        self.numbers = Numbers(datetime.now(UTC), self._rate)

    def end(self) -> None:
        self._ended = True

    def due(self, now: datetime) -> list[Update]:
        if self.numbers is None or self._ended:
            return []
        return [measured(item, time, str(number)) for item, number, time in self.numbers.due(now)]


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def main(rate: float, seconds: float, listeners: int) -> None:
    source = Measuring(rate)
    station = await Station([source]).start()
    say(station.url)
    while station.listeners < listeners:  # noqa: ASYNC110 - sessions tell nobody that they have subscribed
        await asyncio.sleep(0.05)
    source.begin()
    await asyncio.sleep(seconds)
    station.tick(datetime.now(UTC))  # what is still due, if this machine has stalled
    source.end()
    assert source.numbers
    say(json.dumps(source.numbers.last()))
    await asyncio.to_thread(sys.stdin.read)
    await station.stop()


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])))
