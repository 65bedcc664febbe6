"""The numbers that each item has shown since this worker started: enough for a small curve, in memory only."""

from collections import defaultdict, deque

from iss_agents.telemetry.catalog import as_number
from iss_agents.telemetry.records import Reading, Source

MOST_POINTS = 60
"""A curve of a few letters' width shows no more."""

Point = tuple[int, float]
"""Milliseconds since 1970, and the number measured then."""


class Trends:
    """The last numbers of each item from each source. Texts have none."""

    def __init__(self) -> None:
        # source -> item id -> points
        self._points: defaultdict[Source, dict[str, deque[Point]]] = defaultdict(dict)

    def add(self, reading: Reading) -> None:
        """Add a reading; what was measured later, by a clock that was ahead, is forgotten."""
        number = as_number(reading.value)
        if number is not None:
            points = self._points[reading.source].setdefault(reading.item_id, deque(maxlen=MOST_POINTS))
            while points and points[-1][0] > reading.sequence:
                points.pop()
            points.append((reading.sequence, number))

    def points(self, source: Source) -> dict[str, list[Point]]:
        """Return item id -> its last numbers from a source, oldest first."""
        return {item_id: list(points) for item_id, points in self._points[source].items()}
