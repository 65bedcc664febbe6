import logging
import sqlite3
from itertools import count
from pathlib import Path

import pytest

from iss_agents.feed.outgoing import Outgoing
from iss_agents.feed.spool import Spool, SpoolFull, SpoolInUse
from iss_agents.feed.takeover import open_spools, waiting

MEBIBYTE = 1 << 20


def records(*numbers: int, size: int = 1) -> list[Outgoing]:
    return [Outgoing("t", number % 3, b"key", str(number).encode() * size, float(number)) for number in numbers]


def spool(path: Path, limit_bytes: int = MEBIBYTE) -> Spool:
    return Spool(path / "1.sqlite", limit_bytes)


def test_records_come_back_in_order_and_leave_only_when_removed(tmp_path: Path) -> None:
    queue = spool(tmp_path)
    queue.append(records(1, 2))
    queue.append(records(3))

    assert queue.head(2) == records(1, 2)
    assert queue.head(9) == records(1, 2, 3)
    queue.remove(2)
    assert (queue.count, queue.head(9)) == (1, records(3))
    queue.close()


def test_an_empty_key_and_no_key_are_told_apart(tmp_path: Path) -> None:
    queue = spool(tmp_path)
    both = [Outgoing("t", 0, None, b"1"), Outgoing("t", 0, b"", b"2")]
    queue.append(both)

    assert queue.head(2) == both
    queue.close()


def test_what_was_left_is_there_after_the_next_start(tmp_path: Path) -> None:
    before = spool(tmp_path)
    before.append(records(1, 2, 3))
    before.remove(1)
    before.close()
    after = spool(tmp_path)
    after.append(records(4))

    assert after.head(9) == records(2, 3, 4)
    assert after.newest() is not None
    assert after.newest().timestamp() == 4.0  # type: ignore[union-attr]
    after.close()


def test_numbers_go_on_after_everything_was_removed(tmp_path: Path) -> None:
    queue = spool(tmp_path)
    queue.append(records(1))
    queue.remove(1)
    queue._connection.close()
    queue._lock.close()
    again = spool(tmp_path)
    again.append(records(2))

    assert (again.count, again.head(9)) == (1, records(2))
    again.close()


def test_an_empty_spool_leaves_no_file(tmp_path: Path) -> None:
    queue = spool(tmp_path)
    queue.append(records(1))
    queue.remove(1)
    queue.close()

    assert list(tmp_path.iterdir()) == []


def test_a_full_spool_takes_all_of_a_list_or_nothing_and_has_room_again_later(tmp_path: Path) -> None:
    queue = spool(tmp_path)
    taken = _fill(queue)

    assert taken > 1000
    assert queue.count == taken
    assert queue.bytes <= MEBIBYTE
    assert queue.head(taken + 1) == records(*range(taken), size=100)
    queue.remove(taken // 2)
    queue.append(records(*range(100), size=100))
    assert queue.count == taken - taken // 2 + 100
    queue.close()


def test_a_drained_spool_gives_its_space_back(tmp_path: Path) -> None:
    queue = spool(tmp_path, 8 * MEBIBYTE)
    queue.append(records(*range(5000), size=200))
    assert queue.bytes > 3 * MEBIBYTE
    queue.remove(5000)

    assert queue.bytes < MEBIBYTE // 16
    queue.close()


def test_a_disk_that_takes_nothing_counts_as_full(tmp_path: Path) -> None:
    queue = spool(tmp_path)
    queue.append(records(1))
    queue._connection.execute("PRAGMA query_only=1")

    with pytest.raises(SpoolFull, match="readonly"):
        queue.append(records(2))
    queue.remove(1)
    assert (queue.count, queue.head(9)) == (0, [])
    queue.close()


def test_a_spool_belongs_to_one_worker(tmp_path: Path) -> None:
    queue = spool(tmp_path)

    with pytest.raises(SpoolInUse):
        spool(tmp_path)
    queue.close()


@pytest.mark.parametrize("damage", [b"", b"nonsense" * 1000], ids=["torn", "overwritten"])
def test_an_unreadable_spool_is_kept_aside_and_said_once(
    tmp_path: Path, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "spool"
    folder.mkdir()
    path = folder / "1.sqlite"
    queue = spool(folder)
    queue.append(records(*range(2000), size=50))
    queue.close()
    whole = path.read_bytes()
    path.write_bytes(damage or whole[: len(whole) // 3])
    with caplog.at_level(logging.ERROR):
        (fresh,) = open_spools(tmp_path, MEBIBYTE)
        assert fresh.head(9) == []

    fresh.append(records(1))
    assert (fresh.count, fresh.head(9)) == (1, records(1))
    assert len(caplog.records) == 1
    assert len(list(folder.glob("1.broken-*"))) == 1
    assert waiting(tmp_path) == 1
    fresh.close()


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
        except SpoolFull as error:
            assert "full" in str(error)  # noqa: PT017 - the loop ends here
            return taken
    raise AssertionError
