"""The spools of one machine: a worker takes over what earlier ones left, and anybody may count what waits."""

import fcntl
import os
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from iss_agents.errors import UserError
from iss_agents.feed.spool import Spool, SpoolInUse, milliseconds_now
from iss_agents.shard import WHOLE, Shard

ALL = "SELECT count(*) FROM records"
OF_SHARD = re.compile(r"-([1-9]\d*)-of-([1-9]\d*)$", re.ASCII)
"""How the name of a spool ends that a shard of the feed has written."""

OF_NO_FEED = "-test"
"""The same for a worker without a feed, which publishes test readings only."""

Writer = Shard | None
"""Whose a spool is: that of a shard, or of a worker without a feed."""


def open_spools(home: Path, limit_bytes: int, writer: Writer = WHOLE) -> list[Spool]:
    """Take over every spool that no worker holds, oldest first; the last one is for the records of `writer`.

    Two shards of one feed leave each other's spools alone, and a worker without a feed those of all: what a
    feed left is published by the next feed, before anything newer. Where the number of shards has changed, any
    of the new ones takes what is left.

    Raises:
        UserError: the folder cannot be written.
    """
    folder = home / "spool"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _taking_over(folder):
            spools = list(_unlocked(folder, limit_bytes, writer))
            if not spools or writer_of(spools[-1].path) != writer:
                spools.append(Spool(folder / _name(writer), limit_bytes))
    except (OSError, sqlite3.OperationalError) as error:
        raise UserError(
            f"The spool cannot be written to {folder} ({error}): make it writable or set ISS_HOME."
        ) from error
    return spools


def waiting(home: Path) -> int:
    """Return how many records are left in the spools under `home`, locked or not."""
    return _count(home, ALL)


def waiting_for(topic: str, home: Path) -> int:
    """Return how many of the records that `waiting` counts are for `topic`."""
    return _count(home, "SELECT count(*) FROM records WHERE topic = ?", topic)


def left_behind(home: Path) -> dict[Path, int]:
    """Return the spools with records that no worker holds, and how many records each has.

    Raises:
        OSError: the folder cannot be read.
    """
    folder = home / "spool"
    if not folder.exists():
        return {}
    # No worker starts meanwhile: one that found a lock of ours would leave the spool to nobody.
    with _taking_over(folder):
        free = [path for path in sorted(folder.glob("*.sqlite")) if not _is_held(path)]
    counts = {path: _answer(path, ALL, ()) for path in free}
    return {path: count for path, count in counts.items() if count}


def _is_held(path: Path) -> bool:
    with path.with_suffix(".lock").open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def writer_of(path: Path) -> Writer:
    """Return who has written a spool."""
    if path.stem.endswith(OF_NO_FEED):
        return None
    found = OF_SHARD.search(path.stem)
    return Shard(*map(int, found.groups())) if found else WHOLE


def _unlocked(folder: Path, limit_bytes: int, writer: Writer) -> Iterator[Spool]:
    for path in sorted(folder.glob("*.sqlite")):
        if not _takes_over(writer, writer_of(path)):
            continue
        with suppress(SpoolInUse):
            yield Spool(path, limit_bytes)


def _takes_over(writer: Writer, left_by: Writer) -> bool:
    if writer is None or left_by is None:
        return left_by is None
    return writer.replaces(left_by)


def _name(writer: Writer) -> str:
    whose = OF_NO_FEED if writer is None else writer.suffix
    return f"{milliseconds_now()}-{os.getpid()}{whose}.sqlite"


def _count(home: Path, query: str, *values: str) -> int:
    return sum(_answer(path, query, values) for path in (home / "spool").glob("*.sqlite"))


def _answer(path: Path, query: str, values: Sequence[str]) -> int:
    with closing(sqlite3.connect(path)) as connection:
        try:
            (count,) = connection.execute(query, values).fetchone()
        except sqlite3.DatabaseError:
            return 0
    return int(count)


@contextmanager
def _taking_over(folder: Path) -> Iterator[None]:
    # One worker at a time looks for spools: two that share them out would mix the order of items.
    with (folder / "take-over.lock").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
