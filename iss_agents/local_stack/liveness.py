"""Liveness probe: finds a database that answers but no longer writes, and restarts it."""

import logging
from concurrent.futures import ThreadPoolExecutor, wait
from threading import Thread
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, Literal

from iss_agents.local_stack.process import Program

if TYPE_CHECKING:
    from pymongo import MongoClient

logger = logging.getLogger(__name__)

PROBE_SECONDS = 2.0

WRITE_SECONDS = 30.0
"""Time limit of a write, which takes 0.05 s. After a kill, on a crowded machine, SecantusDB answered pings
while a write waited longer than 8 s, three times in a row (measured)."""

PING_SECONDS = 2.0
"""Time limit of a ping. A database that counts 1.8 million documents answers nothing for 39 s (measured)."""

PAUSE_SECONDS = 0.2
"""Pause between the pings during a write."""

Outcome = Literal["answered", "late", "failed"]

PING = {"ping": 1}
WRITE = {
    "findAndModify": "looks",
    "query": {"_id": "hang"},
    "update": {"$inc": {"count": 1}},
    "upsert": True,
}
"""Neither `insert` nor `update`, which tests make fail a given number of times."""


def start_again_when_it_hangs(program: Program, writing: str, pinging: str) -> None:
    """Probe in a thread whether a database writes, and restart it if it hangs.

    Once in some hundred starts, SecantusDB 0.7.0b3 answers pings but spins for ever in every write and login
    (in WiredTiger's search of an insert list). A database that answers nothing is busy or suspended, and is
    left alone: for most of the time that a write waits, pings must be answered. The thread ends when the
    program is stopped or started elsewhere.

    `writing` and `pinging` are addresses of the same database; a ping must need no login.
    """
    probe = Thread(target=_probe, args=(program, writing, pinging), name=f"looks at {pinging}", daemon=True)
    probe.start()


def writes(url: str, seconds: float) -> bool:
    """Return whether the database at `url` writes within `seconds`."""
    with _connected(url, seconds) as client:
        return _ask(client, WRITE) == "answered"


def _probe(program: Program, writing: str, pinging: str) -> None:
    process = program.pid
    sleep(PROBE_SECONDS)
    with _connected(writing, WRITE_SECONDS) as writer, _connected(pinging, PING_SECONDS) as pinger:
        while program.pid == process and program.running:
            if _hangs(writer, pinger) and program.restart(process):
                logger.warning("%s wrote nothing for %.0f s: restarted", program.name, WRITE_SECONDS)
                # The program dies with the thread that started it (Program), so this thread must go on.
                process = program.pid
            sleep(PROBE_SECONDS)


def _hangs(writer: "MongoClient[dict[str, Any]]", pinger: "MongoClient[dict[str, Any]]") -> bool:
    # A ping after the write would be answered by a database whose long query has just ended.
    seconds: dict[Outcome, float] = {"answered": 0.0, "late": 0.0, "failed": 0.0}
    with ThreadPoolExecutor(1) as thread:
        write = thread.submit(_ask, writer, WRITE)
        while not write.done():
            began = monotonic()
            outcome = _ask(pinger, PING)
            wait([write], PAUSE_SECONDS)
            seconds[outcome] += monotonic() - began
        return write.result() == "late" and seconds["answered"] > seconds["late"] + seconds["failed"]


def _connected(url: str, seconds: float) -> "MongoClient[dict[str, Any]]":
    from pymongo import MongoClient  # noqa: PLC0415 - commands start fast

    limit = int(seconds * 1000)
    return MongoClient(url, socketTimeoutMS=limit, serverSelectionTimeoutMS=limit, retryWrites=False)


def _ask(client: "MongoClient[dict[str, Any]]", command: dict[str, Any]) -> Outcome:
    from pymongo.errors import NetworkTimeout, OperationFailure, PyMongoError  # noqa: PLC0415 - as above

    try:
        client["embedded"].command(command)
    except NetworkTimeout:
        return "late"
    except OperationFailure:
        return "answered"
    except PyMongoError:
        return "failed"
    return "answered"
