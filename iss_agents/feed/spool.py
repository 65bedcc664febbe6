"""Spool: records on disk while Kafka does not accept them, in their order.

SQLite in WAL mode: a committed transaction survives a kill -9, and there is never a torn tail.
"""

import fcntl
import logging
import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path
from typing import BinaryIO

from iss_agents.feed.producer_record import ProducerRecord
from iss_agents.feed.salvage import PAGE_BYTES, Row
from iss_agents.feed.spool_file import (
    INSERT,
    SpoolDamaged,
    SpoolInUseError,
    SpoolUnavailable,
    connect,
    translated_errors,
)
from iss_agents.feed.spool_repair import repair
from iss_agents.runtime.metrics import SPOOL_DAMAGED, SPOOL_MISSING
from iss_agents.telemetry.records import TEST_MARK

logger = logging.getLogger(__name__)

SHRINK_ABOVE_BYTES = 1 << 20
"""An empty spool larger than this is vacuumed."""

CHECKPOINT_RECORDS = 5_000
"""After this many records written or removed (about 4 MiB of log) the log is due for a checkpoint."""

HEAD = """
SELECT number, topic, partition, key, value, ingest_ts FROM records WHERE number >= ? ORDER BY number LIMIT ?
"""


class Spool:
    """A queue of records in one file, which grows to at most `limit_bytes` (its log adds a few MiB).

    Every method may raise SpoolUnavailable, and SpoolDamaged, after which `repair` salvages the file.

    Raises:
        SpoolInUseError: another worker has locked it.
        SpoolUnavailable: it cannot be opened now.
    """

    def __init__(self, path: Path, limit_bytes: int) -> None:
        self.path = path
        self._limit_pages = limit_bytes // PAGE_BYTES
        self._first: int | None = None
        self._next = 0
        self._lock = _lock(path.with_suffix(".lock"))
        try:
            self._open()
        except SpoolDamaged as damage:
            self._replace(damage)
        except SpoolUnavailable:
            self._lock.close()
            raise

    @property
    def count(self) -> int:
        """Records in the spool."""
        return self._next - (self._first or 0)

    @property
    def bytes(self) -> int:
        """Size of the database on disk, free pages included; 0 while it cannot be read."""
        try:
            pages: int = self._connection.execute("PRAGMA page_count").fetchone()[0]
        except sqlite3.Error:
            return 0
        return pages * PAGE_BYTES

    def append(self, records: Sequence[ProducerRecord]) -> None:
        """Append all of `records`, or none of them.

        Raises:
            SpoolFullError: the limit is reached, or the disk is full.
        """
        rows = ((number, *record) for number, record in enumerate(records, self._next))
        with translated_errors(), self._connection:
            self._connection.executemany(INSERT, rows)
        self._next += len(records)
        self._in_log += len(records)

    def head(self, limit: int) -> list[ProducerRecord]:
        """Return the oldest records, at most `limit`."""
        records = [row.record for row in self._head(limit)]
        if not all(record.is_plausible for record in records):
            raise SpoolDamaged("it holds something else than our records")
        return records

    def newest(self) -> datetime | None:
        """Return the ingest time of the last reading of the feed."""
        query = (
            "SELECT ingest_ts FROM records WHERE ingest_ts > 0 AND instr(value, ?) = 0"
            " ORDER BY number DESC LIMIT 1"
        )
        with translated_errors():
            latest = self._connection.execute(query, (TEST_MARK,)).fetchone()
        return datetime.fromtimestamp(latest[0], UTC) if latest else None

    def remove(self, batch: Sequence[ProducerRecord]) -> None:
        """Remove the records of `batch` from the head.

        They are compared: a repair may have lost some of them meanwhile, and the following ones are not
        delivered.
        """
        delivered = iter(batch)
        rows = list(takewhile(lambda row: row.record in delivered, self._head(len(batch))))
        if not rows:
            return
        self._first = rows[-1].number + 1
        self._in_log += len(rows)
        # A full disk can prevent the deletion; `_first` hides the records until a later deletion succeeds.
        with suppress(SpoolUnavailable), translated_errors(), self._connection:
            self._connection.execute("DELETE FROM records WHERE number < ?", (self._first,))
        if not self.count and self.bytes > SHRINK_ABOVE_BYTES:
            self._shrink()

    @property
    def needs_checkpoint(self) -> bool:
        """Whether the log has grown enough for a `checkpoint`."""
        return self._in_log >= CHECKPOINT_RECORDS

    def checkpoint(self) -> None:
        """Move the log into the database. This waits for the disk; it is safe to call in another thread."""
        self._in_log = 0
        # A separate connection that never creates the file: the spool may have been closed meanwhile.
        uri = f"{self.path.absolute().as_uri()}?mode=rw"
        with suppress(SpoolUnavailable), translated_errors(), closing(sqlite3.connect(uri, uri=True)) as other:
            other.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def repair(self, damage: SpoolDamaged) -> None:
        """Set the damaged file aside, and continue with its readable records.

        For a large file this takes many seconds; it is safe to call in another thread.

        Raises:
            SpoolUnavailable: the disk has no room for it now, or fails; the call can be repeated.
        """
        self._connection.close()
        self._replace(damage)

    def close(self) -> None:
        """Release the spool, and delete its file if it is empty."""
        self._connection.close()
        if not self.count:
            self.path.unlink(missing_ok=True)
            self.path.with_suffix(".lock").unlink(missing_ok=True)
        self._lock.close()

    def _open(self) -> None:
        connection = connect(self.path, self._limit_pages)
        try:
            with translated_errors():
                self._first, self._next = _bounds(connection)
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        self._in_log = 0

    def _replace(self, damage: SpoolDamaged) -> None:
        try:
            kept, missing = repair(self.path, self._first)
            self._open()
        except (OSError, SpoolDamaged, SpoolUnavailable) as error:
            raise SpoolUnavailable(
                f"the spool is damaged ({damage}) and cannot be repaired now: {error}"
            ) from error
        SPOOL_DAMAGED.inc()
        SPOOL_MISSING.inc(missing)
        logger.error(
            "The spool %s was damaged (%s) and is kept as %s: %s records could be read, %s are missing",
            *(self.path.name, damage, kept.name, self.count, missing),
        )

    def _head(self, limit: int) -> list[Row]:
        with translated_errors():
            found = self._connection.execute(HEAD, (self._first, limit)).fetchall()
        rows = [Row(number, ProducerRecord(*columns)) for number, *columns in found]
        if [row.number for row in rows] != list(range(self._first or 0, self._next)[:limit]):
            raise SpoolDamaged("records are missing")
        return rows

    def _shrink(self) -> None:
        with suppress(SpoolUnavailable), translated_errors():
            self._connection.execute("VACUUM")
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _bounds(connection: sqlite3.Connection) -> tuple[int, int]:
    # Two statements: for a combined one SQLite would read every row.
    (first,) = connection.execute("SELECT min(number) FROM records").fetchone()
    if first is not None:
        (last,) = connection.execute("SELECT max(number) FROM records").fetchone()
        return first, last + 1
    used = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'records'").fetchone()
    following = used[0] + 1 if used else 1
    return following, following


def _lock(path: Path) -> BinaryIO:
    file = path.open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Its holder may have closed and deleted it, with the empty spool, since it was opened here.
        current = os.path.samestat(os.fstat(file.fileno()), path.stat())
    except (BlockingIOError, FileNotFoundError):
        current = False
    if not current:
        file.close()
        raise SpoolInUseError(str(path))
    return file
