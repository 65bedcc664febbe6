"""Readings on the disk of this machine that no worker takes to Kafka."""

import asyncio
from pathlib import Path

from iss_agents.doctor.findings import Finding, NotLookedAt, ok, warning
from iss_agents.feed.takeover import left_behind, writer_of
from iss_agents.settings import Settings


async def check(settings: Settings) -> list[Finding]:
    """Return the spools under ISS_HOME that hold records and have no worker, and those that were unreadable."""
    try:
        return await asyncio.to_thread(_look, settings.home)
    except OSError as error:
        raise NotLookedAt(f"{settings.home / 'spool'} cannot be read ({error.strerror})") from error


def _look(home: Path) -> list[Finding]:
    left = [
        warning(
            f"{count:,} records wait in {path}, which no worker holds: "
            f"start a worker with {_who(path)} and ISS_HOME={home}."
        )
        for path, count in left_behind(home).items()
    ]
    broken = [
        warning(f"{path} was unreadable and is kept: repair it with `sqlite3`, or delete it.")
        for path in sorted((home / "spool").glob("*.broken-*[0-9]"))
    ]
    return [*left, *broken] or [ok("No spool is left behind.")]


def _who(path: Path) -> str:
    writer = writer_of(path)
    if writer is None:
        return "the role web"
    return "the role feed" if writer.is_whole else f"the role feed, ISS_FEED_SHARD={writer}"
