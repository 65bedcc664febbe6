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

    `received` includes the `resumed` ones that an earlier run had left in Kafka or in a spool. No reading took
    longer than `max_lag_seconds` from ingest to MongoDB's acknowledgement (upper edge of a histogram's bucket;
    300 stands for 300 or more, as with resumed readings).
    """

    received: int
    published: int
    invalid: int
    duplicates: int
    items: int
    archived: int
    max_lag_seconds: float
    resumed: int
    never_measured: int
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
    return _result(_drain(machine, stack, patience), machine.resumed, streamed)


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
        troubles=machine.views.troubles(),
        address=machine.views.address,
    )


def _drain(machine: Machine, stack: Stack, patience: float) -> Figures:
    deadline = monotonic() + patience
    machine.drain()
    figures = machine.views.figures()
    while (figures is None or not _settled(figures, machine.resumed)) and monotonic() < deadline:
        stack.check()
        sleep(LOOK_EVERY / 5)
        figures = machine.views.figures() or figures
    if figures is None:
        raise UserError(f"The worker did not answer in the end; its log is {machine.worker.log}.")
    return figures


def _settled(figures: Figures, resumed: int) -> bool:
    return not figures.waiting and not figures.lag and _result(figures, resumed, 0.0).complete


def _result(figures: Figures, resumed: int, seconds: float) -> Result:
    return Result(
        received=figures.received + resumed,
        published=figures.published,
        invalid=figures.invalid,
        duplicates=figures.duplicates,
        items=figures.items,
        archived=figures.archived,
        max_lag_seconds=figures.slowest_seconds,
        resumed=resumed,
        never_measured=figures.never_measured,
        seconds=round(seconds, 1),
    )
