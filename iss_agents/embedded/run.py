"""One run from the first program's start to the last one's end, and what it amounted to."""

from dataclasses import dataclass
from time import monotonic, sleep

from iss_agents.embedded.figures import Figures
from iss_agents.embedded.machine import Machine, Plan
from iss_agents.embedded.place import only_user_of
from iss_agents.embedded.screen import Screen, Status
from iss_agents.embedded.stack import Stack
from iss_agents.errors import UserError

LOOK_EVERY = 1.0
"""Seconds between two looks at the worker."""

DRAIN_SECONDS = 20.0
"""How long a run that ends by itself waits until everything received is in MongoDB."""

INTERRUPTED_DRAIN_SECONDS = 2.0
"""The same after Ctrl-C; what is unfinished then, the next run finishes."""


@dataclass(frozen=True)
class Result:
    """What a run amounted to, in readings of the raw topic.

    `received` includes the `resumed` ones that an earlier run left in Kafka or in a spool; `duplicates` were
    received more than once. When Kafka stalls, some are also `resent` to it, because it may not have them, and
    `reread` from it, because it may not know that they are stored: copies, and counted apart. No reading took
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
    with only_user_of(plan.folder), Stack() as stack:
        machine = Machine(plan, stack, screen)
        try:
            machine.start()
            screen.say(f"Everything runs. The page: {machine.views.address}")
            return _watch_and_drain(machine, stack, screen, seconds)
        finally:
            screen.close()


def _watch_and_drain(machine: Machine, stack: Stack, screen: Screen, seconds: float | None) -> Result:
    begun = monotonic()
    patience = INTERRUPTED_DRAIN_SECONDS
    try:
        _watch(machine, stack, screen, seconds)
        patience = DRAIN_SECONDS
    except KeyboardInterrupt:
        screen.say("Stopping: the feed ends, what came in is stored")
    streamed = monotonic() - begun
    return _drain(machine, stack, patience, streamed)


def _watch(machine: Machine, stack: Stack, screen: Screen, seconds: float | None) -> None:
    begun = monotonic()
    before: Figures | None = None
    while seconds is None or monotonic() - begun < seconds:
        stack.check()
        figures = machine.views.figures()
        if figures:
            screen.show(_status(machine, figures, before or figures))
            before = figures
        sleep(LOOK_EVERY)


def _status(machine: Machine, figures: Figures, before: Figures) -> Status:
    seconds = max(figures.taken - before.taken, LOOK_EVERY)
    return Status(
        figures=figures,
        rate=(figures.received - before.received) / seconds,
        tank_level=machine.views.tank_level(),
        newest_post=machine.views.newest_post(),
        troubles=machine.views.troubles(),
        address=machine.views.address,
    )


def _drain(machine: Machine, stack: Stack, patience: float, seconds: float) -> Result:
    deadline = monotonic() + patience
    machine.drain()
    result: Result | None = None
    while result is None or monotonic() < deadline:
        stack.check()
        if figures := machine.views.figures():
            result = _result(machine, figures, seconds)
            if _settled(figures, result):
                return result
        elif monotonic() > deadline:
            raise UserError(f"The worker did not answer in the end; its log is {machine.worker.log}.")
        sleep(LOOK_EVERY / 5)
    return result


def _settled(figures: Figures, result: Result) -> bool:
    return not figures.waiting and not figures.lag and result.complete


def _result(machine: Machine, figures: Figures, seconds: float) -> Result:
    resent = _resent(machine, figures)
    return Result(
        received=figures.received + machine.before.unfinished,
        published=figures.published,
        invalid=figures.invalid,
        duplicates=figures.duplicates - resent - figures.reread,
        resent=resent,
        reread=figures.reread,
        items=figures.items,
        archived=figures.archived,
        max_lag_seconds=figures.slowest_seconds,
        resumed=machine.before.unfinished,
        never_measured=figures.never_measured,
        uses=figures.uses,
        seconds=round(seconds, 1),
    )


def _resent(machine: Machine, figures: Figures) -> int:
    """Return how many more readings Kafka was given than it has acknowledged, each reading once.

    Not from what was received: then a reading that is lost and one that is resent would make up for each other.
    """
    from aiokafka.errors import KafkaError  # noqa: PLC0415 - slow to import

    try:
        return max(machine.published() - figures.published, 0)
    except (KafkaError, TimeoutError):
        return 0
