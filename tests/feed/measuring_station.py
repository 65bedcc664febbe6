"""A station in a process of its own, whose values are counts.

Its arguments are a rate, seconds and listeners. It says its address; measures as soon as so many sessions have
subscribed, for so long; says, as JSON, item -> its last count; and serves until its input is closed.
"""

import asyncio
import json
import sys
from datetime import UTC, datetime, timedelta

from iss_agents.simulator.station import Station
from iss_agents.simulator.updates import Update, measured
from iss_agents.soak.numbers import Numbers


class Counting:
    """A source that gives numbers from `begin` on, for `seconds`."""

    def __init__(self, rate: float, seconds: float) -> None:
        self.numbers: Numbers | None = None
        self._rate = rate
        self._seconds = timedelta(seconds=seconds)

    def begin(self) -> None:
        self.numbers = Numbers(datetime.now(UTC), self._rate)

    def is_over(self, now: datetime) -> bool:
        return self.numbers is not None and now - self.numbers.start > self._seconds

    def due(self, now: datetime) -> list[Update]:
        if self.numbers is None or self.is_over(now):
            return []
        return [measured(item, time, str(number)) for item, number, time in self.numbers.due(now)]


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def main(rate: float, seconds: float, listeners: int) -> None:
    source = Counting(rate, seconds)
    station = await Station([source]).start()
    say(station.url)
    while station.listeners < listeners:  # noqa: ASYNC110 - sessions tell nobody that they have subscribed
        await asyncio.sleep(0.05)
    source.begin()
    while not source.is_over(datetime.now(UTC)):  # noqa: ASYNC110 - time is what it waits for
        await asyncio.sleep(0.05)
    assert source.numbers
    say(json.dumps(source.numbers.last()))
    await asyncio.to_thread(sys.stdin.read)
    await station.stop()


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])))
