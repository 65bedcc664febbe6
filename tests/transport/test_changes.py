"""What of many changes of a Table is restored: the same as all of them."""

from typing import Any

from aiokafka import ConsumerRecord
from hypothesis import given
from hypothesis import strategies as st

from iss_agents.records import encode
from iss_agents.transport.changes import still_counting

KEYS = [b'"a"', b'"b"']


def change(offset: int, key: bytes, value: bytes | None) -> ConsumerRecord:
    return ConsumerRecord("changes", 0, offset, 0, 0, key, value, None, 0, 0, ())


def changes(*values: tuple[bytes, Any]) -> list[ConsumerRecord]:
    return [
        change(offset, key, None if value is None else encode(value))
        for offset, (key, value) in enumerate(values)
    ]


def offsets(kept: list[ConsumerRecord]) -> list[int]:
    return [record.offset for record in kept]


def test_of_each_key_the_newest_stays() -> None:
    counting = still_counting(changes(*((key, {"sequence": number}) for number in range(50) for key in KEYS)))

    assert offsets(counting) == [98, 99]


def test_what_a_worker_wrote_over_its_successor_replaces_nothing() -> None:
    counting = still_counting(changes((KEYS[0], {"sequence": 9}), (KEYS[0], {"sequence": 7}), (KEYS[1], {})))

    assert offsets(counting) == [0, 1, 2]


def test_a_value_without_a_sequence_stays_and_replaces_none() -> None:
    kept = [
        change(0, KEYS[0], b'{"sequence": 1}'),
        change(1, KEYS[0], b"7"),
        change(2, KEYS[0], b'{"sequence": "\xff"}'),
    ]

    assert still_counting(kept) == kept


def restored(records: list[ConsumerRecord]) -> dict[bytes, int]:
    """Key -> sequence, as `NewestTable` restores them."""
    held: dict[bytes, int] = {}
    for record in records:
        if record.value is None:
            held.pop(record.key, None)
        elif (sequence := int(record.value.split(b":")[1].strip(b"}"))) >= held.get(record.key, -1):
            held[record.key] = sequence
    return held


@given(st.lists(st.tuples(st.sampled_from(KEYS), st.none() | st.integers(0, 4))))
def test_restores_the_same_as_all_changes(values: list[tuple[bytes, int | None]]) -> None:
    written = changes(*((key, None if number is None else {"sequence": number}) for key, number in values))
    counting = still_counting(written)

    assert restored(counting) == restored(written)
    assert offsets(counting) == sorted(offsets(counting))
    assert counting[-1:] == written[-1:]
