"""Spools whose files are damaged in every way: what can be read of them goes on, in order."""

import logging
import random
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from iss_agents.feed.outbox import Outbox, SpoolLocation
from iss_agents.feed.producer_record import ProducerRecord
from iss_agents.feed.salvage import PAGE_BYTES, Salvage
from iss_agents.feed.spool import Spool
from iss_agents.feed.spool_directory import count_records, open_spools
from iss_agents.feed.spool_file import SpoolDamaged, SpoolUnavailable
from iss_agents.telemetry.shards import WHOLE
from iss_agents.telemetry.topics import GAPS, RAW
from tests.feed.test_spool import MEBIBYTE, records

LIMIT = 64 * MEBIBYTE
LONG = [
    ProducerRecord(RAW.name, 0, b"long", random.Random(1).randbytes(10_000 + number), 1e9)
    for number in range(2)
]
MIXED = [
    *records(*range(120), size=100),
    *LONG,
    ProducerRecord(GAPS.name, 0, None, b"a gap"),
    ProducerRecord(RAW.name, 11, b"", b"", 1.7e9 + 1 / 3),
    *records(*range(120, 200), size=30),
]
MOST_IN_A_PAGE = 40

Damage = Callable[[bytes], bytes]


def zeros(page: bytes) -> bytes:
    return bytes(len(page))


def noise(page: bytes) -> bytes:
    return random.Random(2).randbytes(len(page))


def half(page: bytes) -> bytes:
    return page[: len(page) // 2] + bytes(len(page) // 2)


def flipped(page: bytes) -> bytes:
    return page[:3] + bytes([page[3] ^ 0xFF, page[4] ^ 0xFF]) + page[5:]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The file of a spool that was closed in good order."""
    path = tmp_path_factory.mktemp("whole") / "1.sqlite"
    queue = Spool(path, LIMIT)
    queue.append(MIXED)
    queue.close()
    return path.read_bytes()


def taken_over(home: Path, content: bytes) -> list[ProducerRecord]:
    """Return what a worker finds that starts with a spool of this content, and what the next one finds."""
    path = home / "spool" / "1.sqlite"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    found = [everything(home) for _ in range(2)]
    assert found[0] == found[1], "one repair is enough"
    return found[0]


def everything(home: Path) -> list[ProducerRecord]:
    spools = open_spools(home, LIMIT)
    found: list[ProducerRecord] = []
    for spool in spools:
        try:
            found += spool.head(10_000)
        except SpoolDamaged as damage:
            spool.repair(damage)
            found += spool.head(10_000)
        spool.close()
    return found


def is_in_order(found: Iterable[ProducerRecord], written: Iterable[ProducerRecord]) -> bool:
    """Whether everything that was found was written, once, and in that order."""
    rest = iter(written)
    return all(record in rest for record in found)


def pages(content: bytes) -> range:
    return range(len(content) // PAGE_BYTES)


@pytest.mark.parametrize("damage", [zeros, noise, half, flipped])
def test_whichever_page_is_damaged_all_others_are_published_in_order(
    tmp_path: Path, whole: bytes, damage: Damage
) -> None:
    assert len(pages(whole)) > 15
    for number in pages(whole):
        begin, end = number * PAGE_BYTES, (number + 1) * PAGE_BYTES
        content = whole[:begin] + damage(whole[begin:end]) + whole[end:]
        (tmp_path / str(number)).mkdir()
        found = taken_over(tmp_path / str(number), content)
        # What is damaged within a value looks whole: whoever reads it notices that it is no JSON.
        intact = [record for record in found if record in MIXED]

        assert is_in_order(intact, MIXED)
        assert len(intact) >= len(MIXED) - MOST_IN_A_PAGE
        assert len(found) - len(intact) <= 2


def test_of_a_file_that_is_cut_off_all_that_is_left_is_published(tmp_path: Path, whole: bytes) -> None:
    for number in [*pages(whole), len(whole) // PAGE_BYTES]:
        (tmp_path / str(number)).mkdir()
        found = taken_over(tmp_path / str(number), whole[: number * PAGE_BYTES + 7])

        assert is_in_order(found, MIXED)
        assert len(found) >= (number - 10) * 3


@pytest.mark.parametrize(
    "content", [b"", b"x", bytes(100_000), noise(bytes(100_000)), b"SQLite format 3\0" + noise(bytes(9_000))]
)
def test_what_is_no_spool_is_set_aside_or_filled(tmp_path: Path, content: bytes) -> None:
    assert taken_over(tmp_path, content) == []


def test_the_database_of_something_else_is_set_aside(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "other")) as other:
        other.execute("CREATE TABLE records (name TEXT)")
        other.execute("INSERT INTO records VALUES ('telemetry.raw.v1')")
        other.commit()

    assert taken_over(tmp_path, (tmp_path / "other").read_bytes()) == []


def test_the_log_of_a_killed_worker_counts_though_the_first_page_is_lost(tmp_path: Path) -> None:
    queue = Spool(tmp_path / "1.sqlite", LIMIT)
    queue.append(records(*range(100), size=100))
    queue.checkpoint()
    queue.append(records(*range(100, 200), size=100))
    queue.remove(records(*range(50), size=100))
    killed = tmp_path / "killed"
    (killed / "spool").mkdir(parents=True)
    for file in tmp_path.glob("1.sqlite*"):
        (killed / "spool" / file.name).write_bytes(file.read_bytes())
    queue.close()
    # Only then the log cannot be read by SQLite itself.
    (killed / "spool" / "1.sqlite-wal").rename(killed / "log")
    main = killed / "spool" / "1.sqlite"
    main.write_bytes(noise(bytes(PAGE_BYTES)) + main.read_bytes()[PAGE_BYTES:])
    (killed / "log").rename(killed / "spool" / "1.sqlite-wal")

    with Salvage(main) as salvage:
        assert [row.record for row in salvage.rows()] == records(*range(50, 200), size=100)
    assert everything(killed) == records(*range(50, 200), size=100)


def test_what_was_damaged_is_kept_counted_and_said(
    tmp_path: Path, whole: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    before = {name: REGISTRY.get_sample_value(name) or 0 for name in ("iss_spool_damaged_total", MISSING)}
    with caplog.at_level(logging.ERROR):
        found = taken_over(tmp_path, whole[: 8 * PAGE_BYTES] + bytes(PAGE_BYTES) + whole[9 * PAGE_BYTES :])
    after = {name: REGISTRY.get_sample_value(name) or 0 for name in before}
    [kept] = (tmp_path / "spool").glob("1.broken-*")

    missing = len(MIXED) - len(found)
    assert missing > 0
    assert {name: after[name] - before[name] for name in before} == {
        "iss_spool_damaged_total": 1,
        MISSING: missing,
    }
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert f"kept as {kept.name}: {len(found)} records could be read, {missing} are missing" in caplog.text
    assert count_records(tmp_path) == len(found)


MISSING = "iss_spool_missing_total"


def damage_on_disk(spool: Spool, page: int) -> None:
    """Overwrite a page behind the back of a spool that is in use."""
    spool.checkpoint()
    with spool.path.open("r+b") as file:
        file.seek(page * PAGE_BYTES)
        file.write(noise(bytes(PAGE_BYTES)))
    # It has read the page before, and would not look again.
    spool._connection.execute("PRAGMA shrink_memory")


@pytest.mark.parametrize("page", [0, 1, 5, 30])
async def test_a_spool_that_is_damaged_while_it_is_used_goes_on(tmp_path: Path, page: int) -> None:
    outbox = Outbox(SpoolLocation(tmp_path, LIMIT, WHOLE))
    await outbox.recover()
    outbox.put(records(*range(3000), size=100))
    await outbox.move_to_disk()
    damage_on_disk(outbox._spools[0], page)
    outbox.put(records(*range(3000, 3100), size=100))
    await outbox.move_to_disk()
    found: list[ProducerRecord] = []
    while batch := await outbox.next_batch():
        damage_on_disk(outbox._spools[0], page)
        await outbox.remove(batch)
        found += batch

    in_order = list(dict.fromkeys(found))
    assert is_in_order(in_order, records(*range(3100), size=100))
    assert len(in_order) >= 3100 - 2 * MOST_IN_A_PAGE
    assert (outbox.pending, outbox.spooled) == (0, 0)
    await outbox.close()


async def test_a_disk_without_room_for_the_repair_keeps_what_is_there_until_it_has_some(
    tmp_path: Path,
) -> None:
    (tmp_path / "spool").mkdir()
    path = tmp_path / "spool" / "1.sqlite"
    queue = Spool(path, LIMIT)
    queue.append(MIXED)
    damage_on_disk(queue, 7)
    # As good as a full disk: the new file cannot be made.
    (tmp_path / "spool" / "1.repair").mkdir()
    with pytest.raises(SpoolDamaged) as damage:
        queue.head(1000)
    for _ in range(2):
        with pytest.raises(SpoolUnavailable, match=r"damaged .* and cannot be repaired now"):
            queue.repair(damage.value)
    (tmp_path / "spool" / "1.repair").rmdir()
    queue.repair(damage.value)

    assert len(MIXED) - MOST_IN_A_PAGE <= len(queue.head(1000)) < len(MIXED)
    queue.close()


FAILING = """
import resource, signal, sys
from pathlib import Path
from iss_agents.feed.spool import Spool
from iss_agents.feed.spool_file import SpoolUnavailable
from tests.feed.test_spool import records

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
queue = Spool(Path(sys.argv[1]), 1 << 26)
queue.append(records(1))
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
try:
    queue.append(records(*range(2, 5000)))
except SpoolUnavailable as error:
    print(type(error).__name__, error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
queue.append(records(2))
print(queue.head(9) == records(1, 2))
"""


def test_a_disk_that_fails_is_said_to_fail_and_used_again_when_it_works(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FAILING, tmp_path / "1.sqlite"], capture_output=True, text=True, check=True
    )

    assert done.stdout.splitlines() == ["SpoolUnavailable the spool cannot be used (disk I/O error)", "True"]
