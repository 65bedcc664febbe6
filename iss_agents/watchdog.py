"""Ends a worker that has records before it and does not get on, although nothing that it needs is away.

A wait is not a standstill. While Kafka does not answer nothing counts, and each failed attempt, at MongoDB for
one, changes the words in which a part says where it stands: only words that stay the same for long are a stall.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import NamedTuple

from aiokafka.errors import KafkaError
from mode import Service

from iss_agents.giving_up import give_up
from iss_agents.health import Health
from iss_agents.offsets import Behind, Offsets
from iss_agents.settings import Settings
from iss_agents.topics import Topic

logger = logging.getLogger(__name__)

PART = "watchdog"
LOOK_SECONDS = 5.0

ANSWER_SECONDS = 5.0
"""How long Kafka has for an answer, before it is taken to be away."""


class Patience(NamedTuple):
    """After how many seconds a stall is said in the health, and after how many it ends the process."""

    says: float
    ends: float


PATIENCE = Patience(says=30.0, ends=300.0)
"""A list takes milliseconds, a slow write a few seconds. The longest thing that leaves no trace meanwhile is
one attempt of the archive: each of its writes to five collections may take 26 s (two time-outs of 10 s, two
searches for a server of 3 s)."""

ANNOUNCE_PATIENCE = Patience(says=960.0, ends=1_200.0)
"""`announce` may wait for X until its event is ten minutes old, and the station's clock may be five minutes
ahead of ours."""

Stalls = Mapping[str, Patience]
"""Where a part stands, in words that change with any progress and any failed attempt -> for how long it may."""


@dataclass(frozen=True)
class Watched:
    """A part that reads `topics` in a consumer group. `stalls` is told where the group is behind."""

    group: str
    topics: tuple[Topic, ...]
    stalls: Callable[[Behind], Stalls]


class Watchdog(Service):
    """Looks every LOOK_SECONDS; says in the health what stalls, and ends the process in time."""

    def __init__(self, settings: Settings, health: Health) -> None:
        super().__init__()
        self._health = health
        self._offsets = Offsets(settings)
        self._watched: list[Watched] = []
        self._since: dict[str, float] = {}

    def watch(self, watched: Watched) -> None:
        """Watch one more part."""
        self._watched.append(watched)

    async def on_stop(self) -> None:
        """Disconnect."""
        await self._offsets.close()

    @Service.task
    async def _keep_looking(self) -> None:
        while not self.should_stop:
            await self.look(monotonic())
            await self.sleep(LOOK_SECONDS)

    async def look(self, now: float) -> None:
        """Take one look at `now`, in seconds of the monotonic clock."""
        stalls = await self._stalls()
        self._since = {words: self._since.get(words, now) for words in stalls}
        lasting = {words: now - since for words, since in self._since.items()}
        for words, seconds in lasting.items():
            if seconds > stalls[words].ends:
                give_up("no progress for %.0f s: %s", seconds, words)
        self._report([words for words, seconds in lasting.items() if seconds > stalls[words].says])

    async def _stalls(self) -> Stalls:
        stalls: dict[str, Patience] = {}
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                for watched in self._watched:
                    behind = await self._offsets.behind(watched.group, watched.topics)
                    stalls.update(watched.stalls(behind))
        except (KafkaError, OSError, TimeoutError) as error:
            logger.debug("Kafka does not answer, so nothing stalls: %r", error)
            await self._offsets.close()
            return {}
        return stalls

    def _report(self, lasting: Sequence[str]) -> None:
        if lasting:
            self._health.bad(PART, f"no progress: {'; '.join(sorted(lasting))}")
        else:
            self._health.good(PART, "every part gets on, or waits for what is away")
