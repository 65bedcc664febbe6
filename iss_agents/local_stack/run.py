"""Run of the local stack, from start to stop, and its result."""

from dataclasses import dataclass
from time import monotonic, sleep

from iss_agents.errors import UserError
from iss_agents.local_stack.display import Screen, Status
from iss_agents.local_stack.liveness import PING_SECONDS, PROBE_SECONDS, WRITE_SECONDS
from iss_agents.local_stack.ports import only_user_of
from iss_agents.local_stack.stack import LocalStack, Plan
from iss_agents.local_stack.supervisor import Supervisor
from iss_agents.local_stack.worker_metrics import Figures

POLL_SECONDS = 1.0
"""Seconds between two polls of the worker."""

DRAIN_SECONDS = 20.0 + PROBE_SECONDS + WRITE_SECONDS + PING_SECONDS
"""How long a run that ends by itself waits for everything received to be in MongoDB: longer than its liveness
probe takes to restart a database that hangs."""

INTERRUPTED_DRAIN_SECONDS = 2.0
"""The same after Ctrl-C; what is unfinished then, the next run finishes."""


@dataclass(frozen=True)
class Result:
    """Result of a run, in readings of the raw topic.

    `received` includes the `resumed` ones that an earlier run left in Kafka or in a spool; `duplicates` were
    received more than once. When Kafka stalls, some are also `resent`, because it may not have them, and
    `reread`, because it may not know that they are stored: copies that are counted separately. No reading took
    longer than `max_lag_seconds` from ingest to MongoDB's acknowledgement (upper edge of a histogram's bucket;
    300 stands for 300 or more, as with resumed readings).
    """

    received: int
    published: int
    invalid: int
    duplicates: int
    resent: int
    reread: int
    items: int
    archived: int
    max_lag_seconds: float
    resumed: int
    never_measured: int
    uses: int
    seconds: float

    @property
    def complete(self) -> bool:
        """Whether everything received is accounted for."""
        return self.received == self.archived + self.duplicates + self.invalid


def run(plan: Plan, screen: Screen, seconds: float | None) -> Result:
    """Start the plan, show it for `seconds` or until Ctrl-C, drain, stop.

    Raises:
        UserError: it could not start, one of its programs ended, or the worker did not answer in the end.
    """
    with only_user_of(plan.folder), Supervisor() as supervisor:
        stack = LocalStack(plan, supervisor, screen)
        try:
            stack.start()
            screen.say(f"Everything runs. The page: {stack.views.address}")
            return _watch_and_drain(stack, supervisor, screen, seconds)
        finally:
            screen.close()


def _watch_and_drain(
    stack: LocalStack, supervisor: Supervisor, screen: Screen, seconds: float | None
) -> Result:
    begun = monotonic()
    drain_seconds = INTERRUPTED_DRAIN_SECONDS
    try:
        _watch(stack, supervisor, screen, seconds)
        drain_seconds = DRAIN_SECONDS
    except KeyboardInterrupt:
        screen.say("Stopping: the feed ends, what came in is stored")
    streamed = monotonic() - begun
    return _drain(stack, supervisor, drain_seconds, streamed)


def _watch(stack: LocalStack, supervisor: Supervisor, screen: Screen, seconds: float | None) -> None:
    begun = monotonic()
    before: Figures | None = None
    while seconds is None or monotonic() - begun < seconds:
        supervisor.check()
        figures = stack.views.figures()
        if figures:
            screen.show(_status(stack, figures, before or figures))
            before = figures
        sleep(POLL_SECONDS)


def _status(stack: LocalStack, figures: Figures, before: Figures) -> Status:
    seconds = max(figures.taken - before.taken, POLL_SECONDS)
    return Status(
        figures=figures,
        rate=(figures.received - before.received) / seconds,
        tank_level=stack.views.tank_level(),
        newest_post=stack.views.newest_post(),
        troubles=stack.views.troubles(),
        address=stack.views.address,
    )


def _drain(stack: LocalStack, supervisor: Supervisor, drain_seconds: float, seconds: float) -> Result:
    deadline = monotonic() + drain_seconds
    stack.drain()
    result: Result | None = None
    while result is None or monotonic() < deadline:
        supervisor.check()
        if figures := stack.views.figures():
            result = _result(stack, figures, seconds)
            if _settled(figures, result):
                return result
        elif monotonic() > deadline:
            raise UserError(f"The worker did not answer in the end; its log is {stack.worker.log}.")
        sleep(POLL_SECONDS / 5)
    return result


def _settled(figures: Figures, result: Result) -> bool:
    return not figures.waiting and not figures.lag and result.complete


def _result(stack: LocalStack, figures: Figures, seconds: float) -> Result:
    resent = _resent(stack, figures)
    return Result(
        received=figures.received + stack.before.unfinished,
        published=figures.published,
        invalid=figures.invalid,
        duplicates=figures.duplicates - resent - figures.reread,
        resent=resent,
        reread=figures.reread,
        items=figures.items,
        archived=figures.archived,
        max_lag_seconds=figures.slowest_seconds,
        resumed=stack.before.unfinished,
        never_measured=figures.never_measured,
        uses=figures.uses,
        seconds=round(seconds, 1),
    )


def _resent(stack: LocalStack, figures: Figures) -> int:
    """Return how many readings Kafka has beyond those that it has acknowledged, each counted once.

    Not derived from what was received: then a lost reading and a resent one would cancel each other out.
    """
    try:
        return max(stack.published() - figures.published, 0)
    except (UserError, TimeoutError):
        return 0
