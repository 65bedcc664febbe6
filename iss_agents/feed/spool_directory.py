"""Spool directory of a machine: recovery of the spools of earlier workers, and record counts for anybody."""

import fcntl
import logging
import os
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from time import time_ns

from iss_agents.errors import UserError
from iss_agents.feed.salvage import Salvage
from iss_agents.feed.spool import Spool
from iss_agents.feed.spool_file import SpoolInUseError, SpoolUnavailable
from iss_agents.telemetry.shards import WHOLE, Shard

logger = logging.getLogger(__name__)

COUNT = "SELECT count(*) FROM records WHERE ? IS NULL OR topic = ?"
SHARD_SUFFIX = re.compile(r"-([1-9]\d*)-of-([1-9]\d*)$", re.ASCII)
"""Suffix of the name of a spool that a shard of the feed has written."""

NUMBER = re.compile(r"\d+", re.ASCII)

WITHOUT_FEED = "-test"
"""The same for a worker without a feed, which publishes only test readings."""

Writer = Shard | None
"""Who has written a spool: a shard, or a worker without a feed (None)."""


def open_spools(
    home: Path, limit_bytes: int, writer: Writer = WHOLE, held: Sequence[Spool] = ()
) -> list[Spool]:
    """Return `held` and every spool that no worker holds, oldest first; the last one is for new records.

    A shard does not recover the spools of another shard, and a worker without a feed those of no feed: the
    spools of a feed are published by the next feed, before anything newer. If the number of shards has changed,
    any of the new shards recovers the old spools.

    The last spool is for the records of `writer`, and is newer than any other that its successor may find.

    Raises:
        UserError: the folder cannot be written.
    """
    folder = home / "spool"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _directory_lock(folder):
            spools = sorted([*held, *_unlocked(folder, limit_bytes, writer)], key=by_age)
            newest = max(map(_number, _eligible(folder, writer)), default=0)
            if not spools or writer_of(spools[-1].path) != writer or _number(spools[-1].path) < newest:
                spools.append(Spool(folder / _name(writer, newest), limit_bytes))
    except (OSError, SpoolUnavailable) as error:
        raise UserError(
            f"The spool cannot be written to {folder} ({error}): make it writable or set ISS_HOME."
        ) from error
    return spools


def abandoned_spools(home: Path, limit_bytes: int, writer: Writer) -> list[Spool]:
    """Recover every spool with records for `writer` that no worker holds.

    Raises:
        OSError: the folder cannot be read.
    """
    folder = home / "spool"
    with _directory_lock(folder):
        return list(_unlocked(folder, limit_bytes, writer))


def by_age(spool: Spool) -> int:
    """Return the sort key of spools whose records are to be in order."""
    return _number(spool.path)


def count_records(home: Path, topic: str | None = None) -> int:
    """Return the number of records, all or those for `topic`, in the spools under `home`, locked or not."""
    return sum(_count(path, topic) for path in (home / "spool").glob("*.sqlite"))


def count_abandoned(home: Path) -> dict[Path, int]:
    """Return the spools with records that no worker holds, and the number of their records.

    Raises:
        OSError: the folder cannot be read.
    """
    folder = home / "spool"
    if not folder.exists():
        return {}
    # No worker starts meanwhile: it would find our lock and not recover the spool.
    with _directory_lock(folder):
        free = [path for path in sorted(folder.glob("*.sqlite")) if not _is_held(path)]
    counts = {path: _count(path) for path in free}
    return {path: count for path, count in counts.items() if count}


def _is_held(path: Path) -> bool:
    with path.with_suffix(".lock").open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def writer_of(path: Path) -> Writer:
    """Return the writer of a spool."""
    if path.stem.endswith(WITHOUT_FEED):
        return None
    found = SHARD_SUFFIX.search(path.stem)
    return Shard(*map(int, found.groups())) if found else WHOLE


def _unlocked(folder: Path, limit_bytes: int, writer: Writer) -> Iterator[Spool]:
    for path in _eligible(folder, writer):
        try:
            yield Spool(path, limit_bytes)
        except SpoolInUseError:
            continue
        except (OSError, SpoolUnavailable) as error:
            # It stays and is tried again; others must not wait for it.
            logger.error("The spool %s cannot be recovered: %s", path, error)  # noqa: TRY400 - no fault of ours


def _eligible(folder: Path, writer: Writer) -> list[Path]:
    found = sorted(folder.glob("*.sqlite"), key=_number)
    return [path for path in found if _may_recover(writer, writer_of(path))]


def _may_recover(writer: Writer, left_by: Writer) -> bool:
    if writer is None or left_by is None:
        return left_by is None
    return writer.replaces(left_by)


def _name(writer: Writer, newest: int) -> str:
    # A clock that was set back must not sort it before older ones.
    number = max(time_ns() // 1_000_000, newest + 1)
    whose = WITHOUT_FEED if writer is None else writer.suffix
    return f"{number}-{os.getpid()}{whose}.sqlite"


def _number(path: Path) -> int:
    """Return the number in a name: milliseconds since 1970 by the clock of that time."""
    found = NUMBER.match(path.name)
    return int(found[0]) if found else 0


def _count(path: Path, topic: str | None = None) -> int:
    try:
        # A spool that was deleted meanwhile must not be created again.
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True)) as connection:
            (count,) = connection.execute(COUNT, (topic, topic)).fetchone()
        return int(count)
    except sqlite3.Error:
        return _count_readable(path, topic)


def _count_readable(path: Path, topic: str | None) -> int:
    try:
        with Salvage(path) as salvage:
            return sum(topic in {None, row.record.topic} for row in salvage.rows())
    except OSError:
        return 0


@contextmanager
def _directory_lock(folder: Path) -> Iterator[None]:
    # One worker at a time recovers spools: two that divide them would mix the order of items.
    with (folder / "take-over.lock").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
