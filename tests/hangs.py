"""Second run of tests that failed because the embedded database hung, or stood still.

Once in some hundred starts that database spins for ever in a write, and its liveness probe restarts it
(`iss_agents/local_stack/liveness.py`). Where a machine stands still for five seconds, the driver drops its
connections and sends a write again, of which the first may still be carried out: the second finds its own
documents ("duplicate key"). A worker expects both, and has tests of its own for it. A test that asks
the database itself fails, and not for a fault of what it tests.
"""

import logging
from threading import Event

import pytest
from pymongo import monitoring
from pymongo.errors import PyMongoError, _OperationCancelled

from iss_agents.archive.mongo import DatabaseUnavailableError
from iss_agents.local_stack import liveness

# A database that hangs is restarted before a test gives up (`PATIENCE_SECONDS`). Where a database is filled
# beside other tests, a write can wait for longer than 8 s.
liveness.WRITE_SECONDS = 20.0

RESTART_SECONDS = liveness.PROBE_SECONDS + liveness.WRITE_SECONDS + liveness.PING_SECONDS + 1.0
"""How long after a write hangs its database has been restarted."""


class Hangs(logging.Handler, monitoring.ServerHeartbeatListener):
    """Hangs of databases while one test ran: restarts, as the liveness probe logs them, and lost heartbeats.

    Heartbeats count only if they are those of a shared database. Not commands: for a listener to those, the
    driver numbers each one by the global random generator, on which Hypothesis relies.
    """

    def __init__(self, seconds: float = RESTART_SECONDS) -> None:
        super().__init__(logging.WARNING)
        self._seconds = seconds
        self._shared: int | None = None
        self._seen = Event()
        self.forget = self._seen.clear

    def share(self, port: int) -> None:
        """Watch the database at `port`, which no test stops."""
        self._shared = port

    def emit(self, record: logging.LogRecord) -> None:  # noqa: ARG002 - logging passes it
        """Note a restart."""
        self._seen.set()

    def started(self, event: monitoring.ServerHeartbeatStartedEvent) -> None:
        """Ignore what has not ended."""

    def succeeded(self, event: monitoring.ServerHeartbeatSucceededEvent) -> None:
        """Ignore an answer."""

    def failed(self, event: monitoring.ServerHeartbeatFailedEvent) -> None:
        """Note that a database did not answer a heartbeat, which a client that is closed gives up."""
        if event.connection_id[1] == self._shared and not isinstance(event.reply, _OperationCancelled):
            self._seen.set()

    def explain(self, error: BaseException) -> bool:
        """Return whether a database hung; a call may give up before its database is restarted."""
        late = isinstance(error, PyMongoError | DatabaseUnavailableError)
        return self._seen.wait(self._seconds if late else 0)


hangs = Hangs()
logging.getLogger(liveness.__name__).addHandler(hangs)
monitoring.register(hangs)


def run_again_after_a_hang(items: list[pytest.Item]) -> None:
    """Mark the tests: one that fails runs a second time, if `hangs` explain it."""
    for item in items:
        item.add_marker(pytest.mark.flaky(reruns=1, condition=hangs.explain))
