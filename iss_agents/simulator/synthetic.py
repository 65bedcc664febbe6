"""Synthetic values, at a given rate, for catalogue items that no other source plays."""

from collections.abc import Collection
from datetime import datetime, timedelta
from random import Random

from iss_agents.simulator.updates import TIME_STAMP, Update, measured
from iss_agents.telemetry.catalog import Item, items

NEVER_MEASURED = 8
"""How many items never had a measurement on the public feed (maximvs101/iss-live)."""

OLDEST_SNAPSHOT = timedelta(days=28)
"""A healthy enum item may have kept its state for four weeks."""

USUAL = (
    ("ppO2", "mmHg", 160.0),
    ("ppN2", "mmHg", 580.0),
    ("ppCO2", "mmHg", 2.5),
    ("ressure", "mmHg", 740.0),
    ("Air Cooling", "°C", 10.0),
    ("Avionics Cooling", "°C", 17.0),
    ("", "°C", 22.0),
)
"""Part of a name, unit, value: the air of a cabin at sea level, and cool loops. Others are arbitrary."""

PULL = 0.05
"""Share of its distance from the usual value by which a measurement returns."""

CHANGES = 0.02
"""Probability that a measured state differs from the one before."""

TROUBLE = ("FAIL", "INVALID", "LOST", "ERROR", "UNKNOWN")
"""States with such a word occur only through a change."""


class Synthetic:
    """Measures one item after the other, `rate` times a second. Enum items change their state now and then."""

    def __init__(self, rate: float, played_elsewhere: Collection[str] = (), seed: int = 0) -> None:
        self._random = Random(seed)  # noqa: S311 - a model, not a secret
        free = [item for item_id, item in items().items() if item_id not in played_elsewhere]
        self._silent, self._items = free[:NEVER_MEASURED], free[NEVER_MEASURED:]
        self._usual = {item.item_id: self._usual_value(item) for item in self._items}
        self._levels = dict(self._usual)
        self._states = {item.item_id: self._first_state(item) for item in self._items if item.states}
        self._rate = rate
        self._start: datetime | None = None
        self._count = 0

    def due(self, now: datetime) -> list[Update]:
        if self._start is None:
            self._start = now
            return self._snapshot(now)
        updates: list[Update] = []
        while self._count + 1 <= (now - self._start).total_seconds() * self._rate:
            self._count += 1
            item = self._items[self._count % len(self._items)]
            updates.append(self._measure(item, self._start + timedelta(seconds=self._count / self._rate)))
        return updates

    def _snapshot(self, now: datetime) -> list[Update]:
        measurements = [
            self._measure(item, now - OLDEST_SNAPSHOT * self._random.random() ** 4) for item in self._items
        ]
        return measurements + [_never_measured(item, now, n) for n, item in enumerate(self._silent)]

    def _measure(self, item: Item, time: datetime) -> Update:
        if item.states:
            if self._random.random() < CHANGES:
                self._states[item.item_id] = self._random.choice(list(item.states))
            state = self._states[item.item_id]
            # The feed sends a state now as "2", now as "2.00".
            value = str(state) if self._random.random() < 0.5 else f"{state:.2f}"  # noqa: PLR2004
            return measured(item.item_id, time, value, calibrated_data=item.states[state])
        usual, level = self._usual[item.item_id], self._levels[item.item_id]
        level += PULL * (usual - level) + self._random.gauss(0.0, usual / 500)
        self._levels[item.item_id] = level
        return measured(item.item_id, time, repr(level))

    def _usual_value(self, item: Item) -> float:
        for part, unit, value in USUAL:
            if part in item.name and unit == item.unit:
                return value
        return self._random.uniform(1.0, 100.0)

    def _first_state(self, item: Item) -> int:
        calm = [state for state, label in item.states.items() if not any(word in label for word in TROUBLE)]
        return self._random.choice(calm or list(item.states))


def _never_measured(item: Item, now: datetime, number: int) -> Update:
    update = measured(item.item_id, now, "0")
    return Update(item.item_id, {**update.fields, TIME_STAMP: ("", "0", None)[number % 3]})
