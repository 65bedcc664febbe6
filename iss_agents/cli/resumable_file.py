"""Resumable file: `FILE.part` while it is written, and `FILE.part.json` with its progress."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from io import FileIO
from pathlib import Path
from typing import IO

import msgspec

from iss_agents.errors import UserError

LONGEST_PAUSE = timedelta(hours=1)
"""After a longer pause, `-1h` means another hour than when the export began."""


class Query(msgspec.Struct, frozen=True):
    """The query as typed, and its worker: the same command has the same query.

    `columns` are those of the rows, which a newer version may have more of; none is an older version's set.
    `source` is empty for that of the worker's feed.
    """

    worker: str
    items: list[str]
    start: str
    end: str
    columns: list[str] = []
    source: str = ""


class Progress(msgspec.Struct, frozen=True):
    """How far an export is. The first `size` bytes of the part hold `readings` readings, the last of `reached`.

    `start` and `end` are RFC 3339, fixed when the export began. `cursor` is that of the next page, empty at
    the beginning; None once nothing is left to fetch.
    """

    query: Query
    start: str
    end: str
    cursor: str | None = ""
    size: int = 0
    readings: int = 0
    reached: str | None = None


class Partial:
    """The part and its progress, kept in step: whenever the process dies, `progress` is of whole pages."""

    # Unbuffered: a buffer that does not fit on the disk would fail once more when the file is closed.
    def __init__(self, file: Path, part: FileIO, progress: Progress) -> None:
        self.file = file
        self.progress = progress
        self._part = part

    def append(self, data: bytes, progress: Progress) -> None:
        """Write `data`, after which the export is as far as `progress` says; `size` follows by itself.

        Raises:
            UserError: it cannot be written; what came before is kept.
        """
        with said_if_it_fails(self.path):
            rest = memoryview(data)
            while rest:
                rest = rest[self._part.write(rest) :]
            os.fsync(self._part.fileno())
            self.progress = msgspec.structs.replace(progress, size=self.progress.size + len(data))
            _write(sidecar(self.file), self.progress)

    @property
    def path(self) -> Path:
        """Where the part is."""
        return part_of(self.file)

    def discard(self) -> None:
        """Delete part and progress."""
        self.path.unlink(missing_ok=True)
        sidecar(self.file).unlink(missing_ok=True)

    def become(self, finished: Path) -> None:
        """Give `finished`, the part or what was made of it, the name of the file."""
        put_in_place(finished, self.file)
        self.discard()


@contextmanager
def partial_file(file: Path, fresh: Progress, *, force: bool, resume: bool) -> Iterator[Partial]:
    """Give the part of `file`: where an earlier start with the query of `fresh` stopped, or from the beginning.

    Raises:
        UserError: the part is of another query (not with `force`), of a relative span that has moved on since
            (not with `force` or `resume`) or in use, or cannot be written.
    """
    with said_if_it_fails(part_of(file)), part_of(file).open("ab", buffering=0) as part:
        lock(part, file)
        progress = _known(file, os.fstat(part.fileno()).st_size, fresh, force=force, resume=resume)
        part.truncate(progress.size)
        _write(sidecar(file), progress)
        yield Partial(file, part, progress)


@contextmanager
def said_if_it_fails(path: Path) -> Iterator[None]:
    """Raise errors of the file system as UserError."""
    try:
        yield
    except OSError as error:
        raise UserError(f"Cannot write {path} ({error.strerror or error}).") from error


def put_in_place(finished: Path, file: Path) -> None:
    """Give `finished` the name of `file`, so that it has it after a power cut too."""
    finished.replace(file)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def part_of(file: Path) -> Path:
    """Return the path of the part of `file`."""
    return file.with_name(f"{file.name}.part")


def sidecar(file: Path) -> Path:
    """Return the path of the progress of `file`."""
    return file.with_name(f"{file.name}.part.json")


def require_absent(file: Path, *, force: bool) -> None:
    """Return if `file` may be written.

    Raises:
        UserError: it is a folder, or is there already (not with `force`).
    """
    if file.is_dir():
        raise UserError(f"{file} is a folder: name a file in it.")
    if file.exists() and not force:
        raise UserError(f"{file} is there already: choose another name, or add --force to replace it.")


def lock(part: IO[bytes], file: Path) -> None:
    """Keep others from writing the opened part of `file` until it is closed.

    Raises:
        UserError: another one is writing it, or has just finished.
    """
    try:
        fcntl.flock(part, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise UserError(f"Another iss-agents is writing {file}.") from error
    # Between opening and locking the other one may have ended, and what is open here be its finished file.
    path = part_of(file)
    if not path.exists() or not os.path.samestat(os.fstat(part.fileno()), path.stat()):
        raise UserError(f"Another iss-agents has just made {file}.")


def _known(file: Path, size: int, fresh: Progress, *, force: bool, resume: bool) -> Progress:
    progress = _read(sidecar(file))
    if progress and not progress.readings:
        return fresh
    if progress and progress.query == fresh.query and progress.size <= size:
        if resume or not _has_moved_on(progress, fresh):
            return progress
        if not force:
            raise _moved_on(file, progress)
    elif size and not force:
        raise UserError(
            f"{part_of(file)} belongs to another command: run that again to finish it, "
            "or add --force to start over."
        )
    return fresh


def _has_moved_on(progress: Progress, fresh: Progress) -> bool:
    """Return whether the words of the query now mean another span."""
    ends = (progress.start, fresh.start), (progress.end, fresh.end)
    return any(_time(now) - _time(then) > LONGEST_PAUSE for then, now in ends)


def _moved_on(file: Path, then: Progress) -> UserError:
    return UserError(
        f"{part_of(file)} has {then.readings:,} readings of {then.start} to {then.end}, which is what "
        "the command meant then: add --continue to finish that span, or --force to start over."
    )


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _read(path: Path) -> Progress | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Progress)
    except (FileNotFoundError, msgspec.DecodeError, UnicodeDecodeError):
        return None


def _write(path: Path, progress: Progress) -> None:
    fresh = path.with_name(f"{path.name}.new")
    try:
        with fresh.open("wb") as opened:
            opened.write(msgspec.json.encode(progress))
            opened.flush()
            os.fsync(opened.fileno())
        fresh.replace(path)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise
