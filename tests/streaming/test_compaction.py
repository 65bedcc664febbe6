"""What of many changes of a Table is restored: the same as all of them."""

from typing import Any

import pytest
from aiokafka import ConsumerRecord
from hypothesis import given
from hypothesis import strategies as st

from iss_agents.runtime.metrics import INVALID
from iss_agents.streaming.compaction import compact
from iss_agents.telemetry.records import encode

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
    counting = compact(changes(*((key, {"sequence": number}) for number in range(50) for key in KEYS)))

    assert offsets(counting) == [98, 99]


def test_what_a_worker_wrote_over_its_successor_replaces_nothing() -> None:
    counting = compact(changes((KEYS[0], {"sequence": 9}), (KEYS[0], {"sequence": 7}), (KEYS[1], {})))

    assert offsets(counting) == [0, 1, 2]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (KEYS[0], b"7"),
        (KEYS[0], b"{}"),
        (KEYS[0], b"\xff"),
        (KEYS[0], b'{"sequence": "\xff"}'),
        (b"{", b'{"sequence": 2}'),
        (None, b'{"sequence": 2}'),
    ],
)
def test_what_is_no_change_of_a_table_deletes_a_key_that_none_has_and_keeps_its_offset(
    key: bytes | None, value: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    good = change(0, KEYS[0], b'{"sequence": 1}')
    bad = change(1, KEYS[0], value)
    bad.key = key
    before = INVALID.labels("agents", "undecodable")._value.get()

    assert compact([good, bad]) == [good, change(1, b'""', None)]
    assert INVALID.labels("agents", "undecodable")._value.get() == before + 1
    assert "changes:0:1 is not a change of a Table" in caplog.text


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
    counting = compact(written)

    assert restored(counting) == restored(written)
    assert offsets(counting) == sorted(offsets(counting))
    assert counting[-1:] == written[-1:]
