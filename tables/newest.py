"""A Table that never goes back: of two values of a key the one with the higher sequence stays."""

from collections.abc import Iterable, Iterator
from typing import Any

import faust
from faust.types import EventT


class NewestTable(faust.Table[Any, Any]):
    """A Table whose values carry a `sequence`.

    A worker that stood still for longer than its session may still write after its successor did; compaction
    then keeps the older value. So recovery compares, and the later record wins only if it is not older.
    """

    def apply_changelog_batch(self, batch: Iterable[EventT[Any]]) -> None:
        """Restore from the changelog, without the records that are older than what is there."""
        super().apply_changelog_batch(list(self._not_older(batch)))

    def _not_older(self, batch: Iterable[EventT[Any]]) -> Iterator[EventT[Any]]:
        newest: dict[Any, int] = {}
        for event in batch:
            key, value = event.key, event.value
            held = newest.get(key, sequence_of(self.data.get(self._to_key(key))))
            if value is None or sequence_of(self._to_value(value)) >= held:
                newest[key] = -1 if value is None else sequence_of(self._to_value(value))
                yield event


def sequence_of(value: Any) -> int:
    """Return the sequence of a Table's value, -1 for none."""
    return -1 if value is None else int(value["sequence"])
