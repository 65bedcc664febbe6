"""A test runs again if its database hung or stood still, and only then."""

import logging
import signal
from collections.abc import Iterator
from pathlib import Path
from queue import Queue
from threading import Timer

import pytest
from pymongo import MongoClient
from pymongo.errors import DuplicateKeyError, NetworkTimeout
from pymongo.monitoring import (
    ServerHeartbeatFailedEvent,
    ServerHeartbeatListener,
    ServerHeartbeatStartedEvent,
    ServerHeartbeatSucceededEvent,
)

from iss_agents.local_stack import liveness
from iss_agents.local_stack.database import Database
from iss_agents.local_stack.ports import free_port
from tests.hangs import Hangs

SECONDS = 0.5


@pytest.fixture
def hangs() -> Iterator[Hangs]:
    watching = Hangs(SECONDS)
    logging.getLogger(liveness.__name__).addHandler(watching)
    yield watching
    logging.getLogger(liveness.__name__).removeHandler(watching)


def restart() -> None:
    logging.getLogger(liveness.__name__).warning("%s wrote nothing for %.0f s: restarted", "The database", 8.0)


def test_a_restart_explains_any_failure(hangs: Hangs) -> None:
    restart()

    assert hangs.explain(AssertionError("503"))


def test_a_call_that_gives_up_waits_for_the_restart(hangs: Hangs) -> None:
    timer = Timer(SECONDS / 10, restart)
    timer.start()

    assert hangs.explain(NetworkTimeout("timed out"))
    timer.join()


def test_a_failure_without_a_restart_is_a_failure(hangs: Hangs) -> None:
    restart()
    hangs.forget()

    assert not hangs.explain(AssertionError("wrong"))
    assert not hangs.explain(NetworkTimeout("timed out"))


def test_a_shared_database_that_stands_still_explains_a_failure(tmp_path: Path) -> None:
    database = Database(tmp_path, free_port())
    hangs, own = Hangs(), Hangs()
    program = database.start()
    url = f"{database.url}&connectTimeoutMS=300&heartbeatFrequencyMS=500&serverSelectionTimeoutMS=300"
    try:
        program.wait_until(database.ready)
        hangs.share(database.port)
        with MongoClient[dict[str, int]](url, event_listeners=[hangs, own]) as client:
            client.test.items.insert_one({"_id": 1})
            assert not hangs.explain(AssertionError("wrong"))
            program.request(signal.SIGSTOP)
            assert hangs.explain(DuplicateKeyError("written twice"))
            assert not own.explain(AssertionError("a database that the test stops"))
    finally:
        program.request(signal.SIGCONT)
        program.stop()


def test_a_client_that_is_closed_explains_no_failure(mongo_url: str) -> None:
    hangs, given_up = Hangs(), GivenUp()
    client = MongoClient[dict[str, int]](mongo_url, event_listeners=[hangs, given_up])
    hangs.share(client.address[1] if client.address else 0)
    client.test.command("ping")
    given_up.begun.get(timeout=20)
    client.close()

    assert "operation cancelled" in str(given_up.replies.get(timeout=20))
    assert not hangs.explain(AssertionError("wrong"))


class GivenUp(ServerHeartbeatListener):
    """Hears of heartbeats that the server answers when something changes, and of those that failed."""

    def __init__(self) -> None:
        self.begun = Queue[ServerHeartbeatStartedEvent]()
        self.replies = Queue[object]()

    def started(self, event: ServerHeartbeatStartedEvent) -> None:
        if event.awaited:
            self.begun.put(event)

    def succeeded(self, event: ServerHeartbeatSucceededEvent) -> None:
        """Ignore an answer."""

    def failed(self, event: ServerHeartbeatFailedEvent) -> None:
        self.replies.put(event.reply)


def test_every_test_runs_again_if_its_database_hung(request: pytest.FixtureRequest) -> None:
    (mark,) = request.node.iter_markers("flaky")

    assert mark.kwargs["reruns"] == 1
    assert mark.kwargs["condition"].__self__ in logging.getLogger(liveness.__name__).handlers
