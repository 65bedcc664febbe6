"""Repair of a damaged spool: a new file with the readable records replaces it."""

from contextlib import closing, suppress
from itertools import islice
from pathlib import Path
from time import time_ns
from typing import NamedTuple

from iss_agents.feed.salvage import Salvage
from iss_agents.feed.spool_file import INSERT, connect, translated_errors

CHUNK = 5_000
"""Records per transaction, so that neither memory nor the new file's log grows with the file."""

COMPANIONS = ("-wal", "-shm")
"""Suffixes of the files that SQLite keeps next to its database."""


class Repaired(NamedTuple):
    """Where the damaged file is kept, and the number of records missing before the last readable one."""

    kept: Path
    missing: int


def repair(path: Path, first: int | None) -> Repaired:
    """Replace the file by one with its readable records from number `first`, and keep it under another name.

    Without `first` the new file begins with the first readable record. A kill halfway leaves the damaged file
    or the new one in place.

    Raises:
        OSError, SpoolDamaged, SpoolUnavailable: the file cannot be read at all, or the new one not written.
    """
    fresh, kept = path.with_suffix(".repair"), path.with_suffix(f".broken-{time_ns() // 1_000_000}")
    for leftover in (fresh, *_companions(fresh)):
        leftover.unlink(missing_ok=True)
    missing = _copy(path, fresh, first)
    try:
        kept.hardlink_to(path)
    except OSError:  # not every file system has links; then there is a moment without a file
        path.rename(kept)
    # The log first: SQLite would apply it to the new file.
    for companion, of_kept in zip(_companions(path), _companions(kept), strict=True):
        with suppress(FileNotFoundError):
            companion.rename(of_kept)
    fresh.replace(path)
    return Repaired(kept, missing)


def _copy(path: Path, fresh: Path, first: int | None) -> int:
    missing, copied, expected = 0, 0, first
    with Salvage(path) as salvage, closing(connect(fresh)) as connection, translated_errors():
        waiting = (row for row in salvage.rows() if row.number >= (first or 0))
        while rows := list(islice(waiting, CHUNK)):
            with connection:
                connection.executemany(
                    INSERT, ((number, *row.record) for number, row in enumerate(rows, copied + 1))
                )
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            copied += len(rows)
            missing += rows[-1].number + 1 - (expected or rows[0].number) - len(rows)
            expected = rows[-1].number + 1
    return missing


def _companions(path: Path) -> list[Path]:
    return [path.with_name(f"{path.name}{ending}") for ending in COMPANIONS]
