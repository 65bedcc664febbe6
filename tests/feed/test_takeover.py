import subprocess
import sys
from pathlib import Path

import pytest

from iss_agents.errors import UserError
from iss_agents.feed.takeover import Writer, open_spools, waiting, waiting_for
from iss_agents.shard import WHOLE, Shard
from tests.feed.test_spool import MEBIBYTE, records

CHILD = """
import os, sys
from pathlib import Path
from iss_agents.feed.outgoing import Outgoing
from iss_agents.feed.takeover import open_spools
spool = open_spools(Path(sys.argv[1]), 1 << 20)[-1]
spool.append([Outgoing("t", 0, b"key", str(number).encode()) for number in range(500)])
os.kill(os.getpid(), 9)
"""


def test_the_next_worker_takes_over_what_a_killed_one_left_oldest_first(tmp_path: Path) -> None:
    mine = open_spools(tmp_path, MEBIBYTE)[-1]
    mine.append(records(7))
    for _ in range(2):
        # Each child finds the first spool locked; the second one takes over the spool of the first.
        assert subprocess.run([sys.executable, "-c", CHILD, tmp_path], check=False).returncode == -9
    assert waiting(tmp_path) == 1001
    taken_over = open_spools(tmp_path, MEBIBYTE)

    expected = [str(number).encode() for number in range(500)] * 2
    assert [record.value for spool in taken_over for record in spool.head(2000)] == expected
    for each in (mine, *taken_over):
        each.close()
    assert waiting(tmp_path) == 1001


def test_an_unreadable_spool_does_not_spoil_the_count(tmp_path: Path) -> None:
    (tmp_path / "spool").mkdir()
    (tmp_path / "spool" / "1.sqlite").write_bytes(b"nonsense" * 1000)

    assert waiting(tmp_path) == 0
    assert waiting(tmp_path / "nowhere") == 0


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("a file is in the way")

    with pytest.raises(UserError, match=r"The spool cannot be written to .*set ISS_HOME"):
        open_spools(tmp_path, MEBIBYTE)


def test_what_waits_is_counted_by_topic(tmp_path: Path) -> None:
    [mine] = open_spools(tmp_path, MEBIBYTE)
    mine.append([*records(1, 2, 3), records(4)[0]._replace(topic="u")])
    mine.remove(1)

    assert (waiting(tmp_path), waiting_for("t", tmp_path), waiting_for("u", tmp_path)) == (3, 2, 1)
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

    assert waiting(tmp_path) == 2
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
