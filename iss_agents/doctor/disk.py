"""Whether the home folder takes files, and whether a full spool has room on its disk."""

import asyncio
import shutil
from pathlib import Path
from tempfile import TemporaryFile

from iss_agents.doctor.findings import Finding, failing, ok, warning
from iss_agents.settings import Settings

GIB = 1 << 30


async def check(settings: Settings) -> list[Finding]:
    """Return what is wrong with the folder ISS_HOME and its disk."""
    # In a thread: a disk that hangs would hang the other checks too.
    return await asyncio.to_thread(_look, settings)


def _look(settings: Settings) -> list[Finding]:
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
