"""A database that answers and writes no more is found and started again."""

import logging
from threading import Thread
from time import sleep
from typing import TYPE_CHECKING, Any, Literal

from iss_agents.embedded.program import Program

if TYPE_CHECKING:
    from pymongo import MongoClient

logger = logging.getLogger(__name__)

LOOK_SECONDS = 2.0

WRITE_SECONDS = 8.0
"""How long a write may take. It takes 0.05 s (measured); what waits behind a large query answers no ping."""

PING_SECONDS = 2.0

Outcome = Literal["answered", "late", "failed"]

PING = {"ping": 1}
WRITE = {
    "findAndModify": "looks",
    "query": {"_id": "hang"},
    "update": {"$inc": {"count": 1}},
    "upsert": True,
}
"""No `insert` and no `update`, which tests order to fail a counted number of times."""


def start_again_when_it_hangs(program: Program, writing: str, pinging: str) -> None:
    """Look from now on, in a thread, whether a database writes, and start it again if it hangs.

    SecantusDB 0.7.0b3 sometimes, once in some hundred starts, answers pings and spins for ever in every
    write and login (in WiredTiger's search of an insert list). One that answers nothing is busy, or halted,
    and is let alone. The thread ends when the program is stopped or started by somebody else.

    `writing` and `pinging` are addresses of the same database; a ping must need no login.
    """
    look = Thread(target=_look, args=(program, writing, pinging), name=f"looks at {pinging}", daemon=True)
    look.start()


def writes(url: str, seconds: float) -> bool:
    """Return whether the database at `url` writes within `seconds`."""
    with _connected(url, seconds) as client:
        return _ask(client, WRITE) == "answered"


def _look(program: Program, writing: str, pinging: str) -> None:
    process = program.pid
    sleep(LOOK_SECONDS)
    with _connected(writing, WRITE_SECONDS) as writer, _connected(pinging, PING_SECONDS) as pinger:
        while program.pid == process and program.running:
            if _hangs(writer, pinger) and program.restart(process):
                logger.warning("%s wrote nothing for %.0f s: started again", program.name, WRITE_SECONDS)
                # It dies with the thread that started it (Program), which is this one: so this goes on.
                process = program.pid
            sleep(LOOK_SECONDS)


def _hangs(writer: "MongoClient[dict[str, Any]]", pinger: "MongoClient[dict[str, Any]]") -> bool:
    return _ask(writer, WRITE) == "late" and _ask(pinger, PING) == "answered"


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
