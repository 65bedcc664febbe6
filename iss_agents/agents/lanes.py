"""Lists of different partitions beside each other, lists of one partition one after the other."""

import asyncio
from typing import Any

from faust.types import TP, EventT

from iss_agents.agents.lists import Work
from iss_agents.giving_up import give_up


class Lanes:
    """Runs `work` on lists, at most one of each partition at a time.

    What the lists of one fetch write reaches Kafka in a request or two, instead of one for each partition.
    """

    def __init__(self, group: asyncio.TaskGroup, work: Work) -> None:
        self._group = group
        self._work = work
        self._under_way: dict[TP, asyncio.Task[None]] = {}

    async def run(self, event: EventT[Any]) -> None:
        """Begin with a list, as soon as the list of the same partition that is under way is done."""
        tp = event.message.tp
        if earlier := self._under_way.get(tp):
            await asyncio.wait([earlier])
            if earlier.cancelled():
                give_up("%s %s: a list was cancelled, and the next one must not overtake it", *tp)
        self._under_way[tp] = self._group.create_task(self._work(event))
