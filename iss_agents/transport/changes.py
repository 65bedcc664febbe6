"""The changes of Tables that still count when many are read at once."""

from collections.abc import Sequence

import msgspec
from aiokafka import ConsumerRecord

from iss_agents.records import decoder


class Numbered(msgspec.Struct):
    """What tells which of two values of a key is newer."""

    sequence: int


_decode = decoder(Numbered)


def still_counting(changes: Sequence[ConsumerRecord]) -> list[ConsumerRecord]:
    """Return the changes of one partition without those that a later one of the same key replaces.

    To restore from a change takes Faust 80 us, to leave it out 0.4 us (measured), and before compaction a
    changelog has thousands of each key. A change replaces those before it that are not newer by their sequence,
    as in `NewestTable`; one without a sequence stays and replaces none. The last one always stays: its offset
    tells that everything has been read.
    """
    kept: list[ConsumerRecord] = []
    highest: dict[bytes | None, int] = {}
    for change in reversed(changes):
        sequence = _sequence(change)
        if sequence is None:
            kept.append(change)
        elif sequence > highest.get(change.key, -1):
            kept.append(change)
            highest[change.key] = sequence
    return kept[::-1]


def _sequence(change: ConsumerRecord) -> int | None:
    try:
        return _decode(change.value or b"").sequence
    except msgspec.DecodeError:
        return None
