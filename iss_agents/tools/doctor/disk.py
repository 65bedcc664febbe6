"""Disk check: whether the home folder is writable, a full spool fits, and spools are left behind."""

import asyncio
import shutil
from pathlib import Path
from tempfile import TemporaryFile

from iss_agents.config.settings import Settings
from iss_agents.feed.spool_directory import count_abandoned, writer_of
from iss_agents.tools.doctor.findings import Finding, NotCheckedError, failing, ok, warning

GIB = 1 << 30


async def check_folder(settings: Settings) -> list[Finding]:
    """Check the folder ISS_HOME and its disk."""
    # In a thread: a hanging disk would block the other checks too.
    return await asyncio.to_thread(_check_folder, settings)


def _check_folder(settings: Settings) -> list[Finding]:
    folder = _nearest(settings.home)
    try:
        TemporaryFile(dir=folder).close()
    except OSError as error:
        sentence = f"The folder {settings.home} takes no files ({error.strerror})"
        return [failing(f"{sentence}: make it writable or set ISS_HOME to another.")]
    return [_room(settings, shutil.disk_usage(folder).free)]


def _room(settings: Settings, free: int) -> Finding:
    room = f"The disk of {settings.home} has {free / GIB:.1f} GiB free"
    to_come = settings.spool_bytes - _spooled(settings.home)
    if free >= to_come:
        return ok(f"{room}, enough for a full spool.")
    return warning(
        f"{room}, and the spool may grow by {to_come / GIB:.1f} GiB: make room or lower ISS_SPOOL_BYTES."
    )


def _nearest(folder: Path) -> Path:
    # The folder is made by the first start of a worker.
    return next(path for path in (folder, *folder.parents) if path.exists())


def _spooled(home: Path) -> int:
    return sum(path.stat().st_size for path in (home / "spool").glob("*.sqlite"))


async def check_spools(settings: Settings) -> list[Finding]:
    """Return the spools under ISS_HOME that hold records and have no worker, and those that were damaged."""
    try:
        return await asyncio.to_thread(_spools_in, settings.home)
    except OSError as error:
        raise NotCheckedError(f"{settings.home / 'spool'} cannot be read ({error.strerror})") from error


def _spools_in(home: Path) -> list[Finding]:
    left = [
        warning(
            f"{count:,} records wait in {path}, which no worker holds: "
            f"start a worker with {_who(path)} and ISS_HOME={home}."
        )
        for path, count in count_abandoned(home).items()
    ]
    broken = [
        warning(f"{path} was damaged and is kept; what could be read of it has gone on: delete it.")
        for path in sorted((home / "spool").glob("*.broken-*[0-9]"))
    ]
    return [*left, *broken] or [ok("No spool is left behind.")]


def _who(path: Path) -> str:
    writer = writer_of(path)
    if writer is None:
        return "the role web"
    return "the role feed" if writer.is_whole else f"the role feed, ISS_FEED_SHARD={writer}"
