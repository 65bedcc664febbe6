import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from iss_agents.errors import UserError
from iss_agents.feed import spool_directory
from iss_agents.feed.producer_record import ProducerRecord
from iss_agents.feed.spool import Spool
from iss_agents.feed.spool_directory import Writer, abandoned_spools, by_age, count_records, open_spools
from iss_agents.telemetry.shards import WHOLE, Shard
from iss_agents.telemetry.topics import GAPS, RAW
from tests.feed.test_spool import MEBIBYTE, records

CHILD = """
import os, sys
from pathlib import Path
from iss_agents.feed.producer_record import ProducerRecord
from iss_agents.feed.spool_directory import open_spools
spool = open_spools(Path(sys.argv[1]), 1 << 20)[-1]
spool.append([ProducerRecord("telemetry.raw.v1", 0, b"key", str(number).encode()) for number in range(500)])
os.kill(os.getpid(), 9)
"""


def test_the_next_worker_takes_over_what_a_killed_one_left_oldest_first(tmp_path: Path) -> None:
    mine = open_spools(tmp_path, MEBIBYTE)[-1]
    mine.append(records(7))
    for _ in range(2):
        # Each child finds the first spool locked; the second one takes over the spool of the first.
        assert subprocess.run([sys.executable, "-c", CHILD, tmp_path], check=False).returncode == -9
    assert count_records(tmp_path) == 1001
    taken_over = open_spools(tmp_path, MEBIBYTE)

    expected = [str(number).encode() for number in range(500)] * 2
    assert [record.value for spool in taken_over for record in spool.head(2000)] == expected
    for each in (mine, *taken_over):
        each.close()
    assert count_records(tmp_path) == 1001


def test_an_unreadable_spool_does_not_spoil_the_count(tmp_path: Path) -> None:
    (tmp_path / "spool").mkdir()
    (tmp_path / "spool" / "1.sqlite").write_bytes(b"nonsense" * 1000)

    assert count_records(tmp_path) == 0
    assert count_records(tmp_path / "nowhere") == 0


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("a file is in the way")

    with pytest.raises(UserError, match=r"The spool cannot be written to .*set ISS_HOME"):
        open_spools(tmp_path, MEBIBYTE)


def test_what_waits_is_counted_by_topic(tmp_path: Path) -> None:
    [mine] = open_spools(tmp_path, MEBIBYTE)
    mine.append([*records(1, 2, 3), ProducerRecord(GAPS.name, 0, None, b"4")])
    mine.remove(records(1))

    assert [count_records(tmp_path, topic) for topic in (None, RAW.name, GAPS.name)] == [3, 2, 1]
    mine.close()


def leave(home: Path, writer: Writer, number: int) -> None:
    """Leave a spool with one record, as a worker does that ends."""
    spools = open_spools(home, MEBIBYTE, writer)
    spools[-1].append(records(number))
    for spool in spools:
        spool.close()


def found(home: Path, writer: Writer) -> list[bytes]:
    """Return what the next worker takes over."""
    spools = open_spools(home, MEBIBYTE, writer)
    values = [record.value for spool in spools for record in spool.head(10)]
    for spool in spools:
        spool.close()
    return values


def test_a_shard_leaves_what_the_others_wrote_to_their_own_next_feed(tmp_path: Path) -> None:
    leave(tmp_path, Shard(1, 2), 1)
    leave(tmp_path, Shard(2, 2), 2)

    assert count_records(tmp_path) == 2
    assert found(tmp_path, Shard(2, 2)) == [b"2"]
    assert found(tmp_path, Shard(1, 2)) == [b"1"]


@pytest.mark.parametrize("writer", [WHOLE, Shard(1, 3), Shard(3, 3)])
def test_where_the_number_of_shards_has_changed_nothing_is_left_behind(tmp_path: Path, writer: Shard) -> None:
    leave(tmp_path, Shard(2, 2), 2)

    assert found(tmp_path, writer) == [b"2"]


def test_what_is_taken_over_from_others_gets_no_records_of_ones_own(tmp_path: Path) -> None:
    leave(tmp_path, Shard(2, 3), 2)
    leave(tmp_path, Shard(1, 2), 1)

    assert found(tmp_path, Shard(2, 3)) == [b"2", b"1"]
    assert found(tmp_path, Shard(2, 2)) == [b"2"]


def test_a_worker_without_a_feed_takes_over_what_such_a_one_left_and_no_readings_of_a_feed(
    tmp_path: Path,
) -> None:
    leave(tmp_path, WHOLE, 1)
    leave(tmp_path, Shard(2, 2), 2)
    leave(tmp_path, None, 3)

    assert found(tmp_path, None) == [b"3"]
    assert found(tmp_path, Shard(1, 2)) == [b"1", b"3"]


def test_a_spool_that_is_made_after_the_clock_was_set_back_is_still_the_newest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave(tmp_path, WHOLE, 1)
    [before] = (tmp_path / "spool").glob("*.sqlite")
    left = open_spools(tmp_path, MEBIBYTE, WHOLE)
    monkeypatch.setattr(spool_directory, "time_ns", lambda: 0)
    [mine] = open_spools(tmp_path, MEBIBYTE, WHOLE)
    mine.append(records(2))
    for spool in (*left, mine):
        spool.close()

    assert mine.path != before
    assert found(tmp_path, WHOLE) == [b"1", b"2"]


def test_a_worker_that_begins_again_writes_behind_what_another_wrote_meanwhile(tmp_path: Path) -> None:
    mine = open_spools(tmp_path, MEBIBYTE)
    mine[-1].append(records(1))
    theirs = open_spools(tmp_path, MEBIBYTE)
    theirs[-1].append(records(2))
    with closing_all(theirs):
        mine = open_spools(tmp_path, MEBIBYTE, held=mine)
        mine[-1].append(records(3))
        assert abandoned_spools(tmp_path, MEBIBYTE, WHOLE) == []
    left = abandoned_spools(tmp_path, MEBIBYTE, WHOLE)
    with closing_all([*mine, *left]):
        in_order = sorted([*mine, *left], key=by_age)

        assert [record.value for spool in in_order for record in spool.head(10)] == [b"1", b"2", b"3"]


@contextmanager
def closing_all(spools: Iterable[Spool]) -> Iterator[None]:
    with ExitStack() as stack:
        for spool in spools:
            stack.callback(spool.close)
        yield


def test_a_spool_that_cannot_be_opened_stays_and_is_said_and_the_others_are_taken_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    leave(tmp_path, WHOLE, 1)
    # Neither root nor anybody else opens a folder as a file.
    (tmp_path / "spool" / "1.sqlite").mkdir()

    assert found(tmp_path, WHOLE) == [b"1"]
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "1.sqlite cannot be recovered: the spool cannot be used (unable to open" in caplog.text
