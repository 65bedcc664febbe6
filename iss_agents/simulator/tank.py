"""Model of the urine tank with a busy crew: NODE3000005 (whole percent) and NODE3000004 (processor state).

It behaves as observed on the public feed (isspiss and peebot, 2026): uses of +2 to +10 % at 0.1 to 0.2 % a
second that bounce by a point, flapping between two neighbours near a boundary, a drain of 1 % in five minutes
while the processor runs, and an oscillation for a minute after each drop. Only the crew is busier in the first
minutes, so that a short demonstration shows a use.
"""

from datetime import datetime, timedelta
from math import pi, sin
from random import Random
from typing import NamedTuple

from iss_agents.simulator.updates import Update, measured
from iss_agents.telemetry.catalog import PROCESSOR_ITEM, TANK_ITEM

STEP = timedelta(milliseconds=500)
STEP_SECONDS = STEP.total_seconds()

NORMAL = "16"
STANDBY = "32"

FULL = 70.0
EMPTY = 8.0
"""The processor starts at about 70 % and stops at about 8 % (model after NTRS 20110012703)."""

DRAIN_PER_SECOND = 1 / 300
SLOSH_SECONDS = 60.0
SLOSH_PERIOD_SECONDS = 36.0
SLOSH_PERCENT = 0.6
REST_NOISE = 0.1
"""Percent: the vote of three sensors flaps within a tenth of a point of the boundary."""

FILL_NOISE = 0.5

Span = tuple[float, float]
FIRST_PAUSE: Span = (30.0, 45.0)
BUSY_PAUSE: Span = (90.0, 150.0)
USUAL_PAUSE: Span = (300.0, 900.0)
DRAIN_PAUSE: Span = (1800.0, 3600.0)
"""Seconds before a use. A drain takes hours: a busy crew would overfill the tank meanwhile."""

BUSY_USES = 6
FIRST_RISE: Span = (3.0, 6.0)
USUAL_RISE: Span = (2.5, 9.0)
RATE: Span = (0.15, 0.2)
"""Percent, and percent per second."""


class Use(NamedTuple):
    """Use of the toilet: the ground truth that a detector is compared with."""

    start: datetime
    rise: float
    rate: float

    @property
    def end(self) -> datetime:
        return self.start + timedelta(seconds=self.rise / self.rate)


class Tank:
    """Urine tank and its processor, published when they change. `uses` is the ground truth."""

    def __init__(self, seed: int = 0) -> None:
        self._random = Random(seed)  # noqa: S311 - a model, not a secret
        self.uses: list[Use] = []
        self._time: datetime | None = None
        self._level = self._random.uniform(15.0, 30.0)
        self._draining = False
        self._noise = 0.0
        self._noise_left = 0.0
        self._since_drop = SLOSH_SECONDS
        self._shown: dict[str, str] = {}

    def due(self, now: datetime) -> list[Update]:
        if self._time is None:
            self._time = now
            self.uses.append(self._next_use(now, FIRST_PAUSE, FIRST_RISE))
            return self._changes(now)
        updates: list[Update] = []
        while self._time + STEP <= now:
            self._time += STEP
            self._fill(self._time)
            self._drain()
            self._stir(self._time)
            updates += self._changes(self._time)
        return updates

    def _fill(self, time: datetime) -> None:
        use = self.uses[-1]
        if use.start < time <= use.end:
            self._level = min(100.0, self._level + use.rate * STEP_SECONDS)
        elif time > use.end:
            self.uses.append(self._next_use(time, self._pause(), USUAL_RISE))

    def _pause(self) -> Span:
        if self._draining:
            return DRAIN_PAUSE
        return BUSY_PAUSE if len(self.uses) < BUSY_USES else USUAL_PAUSE

    def _drain(self) -> None:
        if self._level >= FULL:
            self._draining = True
        if self._level <= EMPTY:
            self._draining = False
        self._since_drop += STEP_SECONDS
        if self._draining:
            before = self._level
            self._level -= DRAIN_PER_SECOND * STEP_SECONDS
            if int(self._level) < int(before):
                self._since_drop = 0.0

    def _stir(self, time: datetime) -> None:
        self._noise_left -= STEP_SECONDS
        if self._noise_left > 0:
            return
        filling = self.uses[-1].start < time <= self.uses[-1].end
        most = FILL_NOISE if filling else REST_NOISE
        self._noise = self._random.uniform(-most, most)
        self._noise_left = self._random.uniform(1.0, 3.0) if filling else self._random.uniform(1.0, 22.0)

    def _next_use(self, time: datetime, pause: Span, rise: Span) -> Use:
        start = time + timedelta(seconds=self._random.uniform(*pause))
        return Use(start, self._random.uniform(*rise), self._random.uniform(*RATE))

    def _changes(self, time: datetime) -> list[Update]:
        values = {TANK_ITEM: str(self._reading()), PROCESSOR_ITEM: NORMAL if self._draining else STANDBY}
        changed = {item_id: value for item_id, value in values.items() if self._shown.get(item_id) != value}
        self._shown |= changed
        return [measured(item_id, time, value) for item_id, value in changed.items()]

    def _reading(self) -> int:
        slosh = 0.0
        if self._since_drop < SLOSH_SECONDS:
            slosh = SLOSH_PERCENT * sin(2 * pi * self._since_drop / SLOSH_PERIOD_SECONDS)
        return int(min(100.0, max(0.0, self._level + self._noise + slosh)))
