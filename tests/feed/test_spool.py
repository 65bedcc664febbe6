import fcntl
import sqlite3
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import BinaryIO

import pytest

from iss_agents.feed.producer_record import ProducerRecord, outgoing_reading
from iss_agents.feed.spool import Spool
from iss_agents.feed.spool_file import SpoolFullError, SpoolInUseError, SpoolUnavailable
from iss_agents.telemetry.topics import RAW
from tests.factories import reading_of

MEBIBYTE = 1 << 20


def records(*numbers: int, size: int = 1) -> list[ProducerRecord]:
    return [
        ProducerRecord(RAW.name, number % 3, b"key", str(number).encode() * size, float(number))
        for number in numbers
    ]


def spool(path: Path, limit_bytes: int = MEBIBYTE) -> Spool:
    return Spool(path / "1.sqlite", limit_bytes)


def test_records_come_back_in_order_and_leave_only_when_removed(tmp_path: Path) -> None:
    queue = spool(tmp_path)
    queue.append(records(1, 2))
    queue.append(records(3))

    assert queue.head(2) == records(1, 2)
    assert queue.head(9) == records(1, 2, 3)
    queue.remove(records(1, 2))
    assert (queue.count, queue.head(9)) == (1, records(3))
    queue.close()


def test_an_empty_key_and_no_key_are_told_apart(tmp_path: Path) -> None:
    queue = spool(tmp_path)
    both = [ProducerRecord(RAW.name, 0, None, b"1"), ProducerRecord(RAW.name, 0, b"", b"2")]
    queue.append(both)

    assert queue.head(2) == both
    queue.close()


def test_what_was_left_is_there_after_the_next_start(tmp_path: Path) -> None:
    before = spool(tmp_path)
    before.append(records(1, 2, 3))
    before.remove(records(1))
    before.close()
    after = spool(tmp_path)
    after.append(records(4))

    assert after.head(9) == records(2, 3, 4)
    assert after.newest() is not None
    assert after.newest().timestamp() == 4.0  # type: ignore[union-attr]
    after.close()


def test_a_test_reading_is_not_the_newest_of_the_feed(tmp_path: Path) -> None:
    queue = spool(tmp_path)
    tried = outgoing_reading(reading_of("NODE3000005", "37", source="test"))
    queue.append([*records(1, 2), tried])

    newest = queue.newest()
    assert newest
    assert newest.timestamp() == 2.0
    queue.close()


def test_numbers_go_on_after_everything_was_removed(tmp_path: Path) -> None:
    queue = spool(tmp_path)
    queue.append(records(1))
    queue.remove(records(1))
    queue._connection.close()
    queue._lock.close()
    again = spool(tmp_path)
    again.append(records(2))

    assert (again.count, again.head(9)) == (1, records(2))
    again.close()


def test_an_empty_spool_leaves_no_file(tmp_path: Path) -> None:
    queue = spool(tmp_path)
    queue.append(records(1))
    queue.remove(records(1))
    queue.close()

    assert list(tmp_path.iterdir()) == []


def test_a_full_spool_takes_all_of_a_list_or_nothing_and_has_room_again_later(tmp_path: Path) -> None:
    queue = spool(tmp_path)
    taken = _fill(queue)

    assert taken > 1000
    assert queue.count == taken
    assert queue.bytes <= MEBIBYTE
    assert queue.head(taken + 1) == records(*range(taken), size=100)
    queue.remove(queue.head(taken // 2))
    queue.append(records(*range(100), size=100))
    assert queue.count == taken - taken // 2 + 100
    queue.close()


def test_a_drained_spool_gives_its_space_back(tmp_path: Path) -> None:
    queue = spool(tmp_path, 8 * MEBIBYTE)
    queue.append(records(*range(5000), size=200))
    assert queue.bytes > 3 * MEBIBYTE
    queue.remove(queue.head(5000))

    assert queue.bytes < MEBIBYTE // 16
    queue.close()


def test_a_disk_that_takes_nothing_is_said_to_be_that_and_not_full(tmp_path: Path) -> None:
    queue = spool(tmp_path)
    queue.append(records(1))
    queue._connection.execute("PRAGMA query_only=1")

    with pytest.raises(SpoolUnavailable, match=r"the spool cannot be used \(.*readonly") as unavailable:
        queue.append(records(2))
    assert not isinstance(unavailable.value, SpoolFullError)
    queue.remove(records(1))
    assert (queue.count, queue.head(9)) == (0, [])
    queue.close()


def test_a_spool_that_somebody_else_locks_is_said_to_be_locked_and_takes_records_afterwards(
    tmp_path: Path,
) -> None:
    queue = spool(tmp_path)
    with closing(sqlite3.connect(queue.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(SpoolUnavailable, match="database is locked") as unavailable:
            queue.append(records(1))
        other.execute("ROLLBACK")
    assert not isinstance(unavailable.value, SpoolFullError)
    queue.append(records(1))

    assert queue.head(9) == records(1)
    queue.close()


def test_only_what_was_delivered_is_removed(tmp_path: Path) -> None:
    queue = spool(tmp_path)
    queue.append(records(2, 4, 5))
    queue.remove(records(1, 2, 3, 4))
    assert queue.head(9) == records(5)
    queue.remove(records(1, 2))

    assert queue.head(9) == records(5)
    queue.close()


def test_a_spool_belongs_to_one_worker(tmp_path: Path) -> None:
    queue = spool(tmp_path)

    with pytest.raises(SpoolInUseError):
        spool(tmp_path)
    queue.close()


def test_a_lock_that_its_holder_deletes_just_then_is_nobodys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ending = spool(tmp_path)

    def end_first(file: BinaryIO, operation: int) -> None:
        monkeypatch.undo()
        ending.close()
        fcntl.flock(file, operation)

    monkeypatch.setattr(fcntl, "flock", end_first)
    with pytest.raises(SpoolInUseError):
        spool(tmp_path)

    # Otherwise there were two now, each with a lock of its own.
    only = spool(tmp_path)
    only.close()


def test_records_are_in_the_file_as_soon_as_append_returns(tmp_path: Path) -> None:
    queue = spool(tmp_path)
    queue.append(records(1, 2))
    other = sqlite3.connect(queue.path)

    assert other.execute("SELECT count(*) FROM records").fetchone() == (2,)
    other.close()
    queue.close()


def _fill(queue: Spool) -> int:
    for taken in count(0, 100):
        try:
            queue.append(records(*range(taken, taken + 100), size=100))
        except SpoolFullError as error:
            assert "full" in str(error)  # noqa: PT017 - the loop ends here
            return taken
    raise AssertionError
