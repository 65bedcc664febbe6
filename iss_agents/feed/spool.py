"""Records that wait on disk while Kafka cannot take them, in the order in which they came.

SQLite in WAL mode: a transaction that has returned survives a kill -9, and a torn tail cannot happen.
"""

import fcntl
import logging
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from iss_agents.feed.outgoing import Outgoing

logger = logging.getLogger(__name__)

PAGE_BYTES = 4096
SHRINK_ABOVE_BYTES = 1 << 20
"""An empty spool larger than this gives its space back to the disk."""

CHECKPOINT_RECORDS = 5_000
"""After this many records written or removed (about 4 MiB of log) the log belongs into the database."""

BUSY_SECONDS = 0.5

SCHEMA = """
CREATE TABLE IF NOT EXISTS records (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    topic TEXT NOT NULL, partition INTEGER NOT NULL, key BLOB, value BLOB NOT NULL, ingest_ts REAL NOT NULL
)
"""


class SpoolFull(Exception):  # noqa: N818 - a state, not a mistake
    """The spool has reached its limit, or its disk takes nothing more."""


class SpoolInUse(Exception):  # noqa: N818 - a state, not a mistake
    """Another worker holds the lock of this spool."""


class Spool:
    """A queue of records in one file, which grows to at most `limit_bytes` (its log adds a few MiB).

    Raises:
        SpoolInUse: another worker has locked it.
    """

    def __init__(self, path: Path, limit_bytes: int) -> None:
        self.path = path
        self._limit_pages = limit_bytes // PAGE_BYTES
        self._lock = _lock(path.with_suffix(".lock"))
        self._open()

    @property
    def count(self) -> int:
        """Records that wait."""
        return self._next - self._first

    @property
    def bytes(self) -> int:
        """Size of the database on disk, free pages included."""
        pages: int = self._connection.execute("PRAGMA page_count").fetchone()[0]
        return pages * PAGE_BYTES

    def append(self, records: Sequence[Outgoing]) -> None:
        """Write all of `records` behind the others, or none of them.

        Raises:
            SpoolFull: the limit is reached, or the disk is full or read-only.
        """
        try:
            self._insert(records)
        except sqlite3.OperationalError as error:
            raise SpoolFull(str(error)) from error
        except sqlite3.DatabaseError as error:
            self._set_aside(error)
            self._insert(records)
        self._next += len(records)
        self._in_log += len(records)

    def head(self, limit: int) -> list[Outgoing]:
        """Return the oldest records, at most `limit`. An unreadable file is set aside, and nothing is left."""
        query = "SELECT topic, partition, key, value, ingest_ts FROM records WHERE number >= ? ORDER BY number"
        try:
            rows = self._connection.execute(f"{query} LIMIT ?", (self._first, limit)).fetchall()
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError as error:
            self._set_aside(error)
            return []
        return [Outgoing(*row) for row in rows]

    def newest(self) -> datetime | None:
        """Return the latest ingest time of the records that wait."""
        latest = self._connection.execute("SELECT max(ingest_ts) FROM records").fetchone()[0]
        return datetime.fromtimestamp(latest, UTC) if latest else None

    def remove(self, count: int) -> None:
        """Remove the `count` oldest records."""
        self._first += count
        self._in_log += count
        # A full disk can refuse the deletion; `_first` hides the records until a later one succeeds.
        with suppress(sqlite3.OperationalError), self._connection:
            self._connection.execute("DELETE FROM records WHERE number < ?", (self._first,))
        if not self.count and self.bytes > SHRINK_ABOVE_BYTES:
            self._shrink()

    @property
    def needs_checkpoint(self) -> bool:
        """Whether the log has grown enough for a `checkpoint`."""
        return self._in_log >= CHECKPOINT_RECORDS

    def checkpoint(self) -> None:
        """Move the log into the database. This waits for the disk, so it is made to run in another thread."""
        self._in_log = 0
        # A connection of its own, which never creates the file: the spool may have been closed meanwhile.
        with (
            suppress(sqlite3.OperationalError),
            closing(sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=rw", uri=True)) as connection,
        ):
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def close(self) -> None:
        """Release the spool, and delete its file if nothing waits in it."""
        self._connection.close()
        if not self.count:
            self.path.unlink(missing_ok=True)
            self.path.with_suffix(".lock").unlink(missing_ok=True)
        self._lock.close()

    def _open(self) -> None:
        self._in_log = 0
        self._connection = sqlite3.connect(self.path, timeout=BUSY_SECONDS)
        try:
            _prepare(self._connection, self._limit_pages)
            self._first, self._next = _bounds(self._connection)
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError as error:
            self._set_aside(error)

    def _insert(self, records: Sequence[Outgoing]) -> None:
        statement = "INSERT INTO records (number, topic, partition, key, value, ingest_ts) VALUES (?,?,?,?,?,?)"
        rows = ((number, *record) for number, record in enumerate(records, self._next))
        with self._connection:
            self._connection.executemany(statement, rows)

    def _shrink(self) -> None:
        with suppress(sqlite3.OperationalError):
            self._connection.execute("VACUUM")
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _set_aside(self, error: sqlite3.DatabaseError) -> None:
        self._connection.close()
        broken = self.path.with_suffix(f".broken-{milliseconds_now()}")
        self.path.rename(broken)
        for companion in ("-wal", "-shm"):
            with suppress(FileNotFoundError):
                self.path.with_name(self.path.name + companion).rename(f"{broken}{companion}")
        logger.error("The spool %s is unreadable (%s) and was kept as %s", self.path, error, broken.name)
        self._open()


def _prepare(connection: sqlite3.Connection, limit_pages: int) -> None:
    for pragma in (
        f"page_size={PAGE_BYTES}",
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "wal_autocheckpoint=0",
        f"max_page_count={limit_pages}",
    ):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute(SCHEMA)


def _bounds(connection: sqlite3.Connection) -> tuple[int, int]:
    first, last = connection.execute("SELECT min(number), max(number) FROM records").fetchone()
    if first is not None:
        return first, last + 1
    used = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'records'").fetchone()
    following = used[0] + 1 if used else 1
    return following, following


def milliseconds_now() -> int:
    return time.time_ns() // 1_000_000


def _lock(path: Path) -> BinaryIO:
    file = path.open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise SpoolInUse(str(path)) from error
    return file
