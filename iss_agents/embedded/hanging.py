"""A database that answers and writes no more is found and started again."""

import logging
from threading import Thread
from time import sleep
from typing import Any

from iss_agents.embedded.program import Program

logger = logging.getLogger(__name__)

LOOK_SECONDS = 2.0

WRITE_SECONDS = 8.0
"""How long a write may take. It takes 0.05 s, and 2 s behind a full queue of others (measured)."""

PING_SECONDS = 2.0

PING = {"ping": 1}
WRITE = {
    "findAndModify": "looks",
    "query": {"_id": "hang"},
    "update": {"$inc": {"count": 1}},
    "upsert": True,
}
"""No `insert` and no `update`, which tests order to fail a counted number of times."""


def start_again_when_it_hangs(program: Program, url: str) -> None:
    """Look from now on, in a thread, whether the database at `url` writes, and start it again if it hangs.

    SecantusDB 0.7.0b3 sometimes, once in some hundred starts, answers pings and spins for ever in every
    write (in WiredTiger's search of an insert list). One that answers nothing is busy, or halted, and is let
    alone. The thread ends when the program is stopped or started by somebody else.
    """
    Thread(target=_look, args=(program, url), name=f"hanging {url}", daemon=True).start()


def answers(url: str, command: dict[str, Any], seconds: float) -> bool:
    """Return whether the database at `url` answers a command, were it with an error, within `seconds`."""
    from pymongo import MongoClient  # noqa: PLC0415 - commands start fast
    from pymongo.errors import OperationFailure, PyMongoError  # noqa: PLC0415

    limit = int(seconds * 1000)
    client: MongoClient[dict[str, Any]] = MongoClient(
        url, socketTimeoutMS=limit, serverSelectionTimeoutMS=limit, retryWrites=False
    )
    with client:
        try:
            client["embedded"].command(command)
        except OperationFailure:
            return True
        except PyMongoError:
            return False
    return True


def _look(program: Program, url: str) -> None:
    process = program.pid
    while program.pid == process and program.running:
        sleep(LOOK_SECONDS)
        if _hangs(url) and program.restart(process):
            logger.warning("%s wrote nothing for %.0f s, and was started again", program.name, WRITE_SECONDS)
            process = program.pid


def _hangs(url: str) -> bool:
    return not answers(url, WRITE, WRITE_SECONDS) and answers(url, PING, PING_SECONDS)
