"""Supervisor of the local programs: all of them run, or none."""

import signal
from time import monotonic
from types import TracebackType
from typing import Any, Self

from iss_agents.local_stack.process import Program

STOP_SECONDS = 7.5
"""Time for all programs to stop: 10 s including the drain before. The database takes 2 s (measured)."""

WORKER_SECONDS = 4.0
"""Share of the newest program, which uses all the others."""

ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C, a service manager and a closed terminal all mean the same."""


class Supervisor:
    """Programs in the order in which they were started; leaving the `with` block stops them in reverse.

    Inside the block each of `ENDINGS` raises KeyboardInterrupt.
    """

    def __init__(self) -> None:
        self.programs: list[Program] = []
        self._handlers: dict[int, Any] = {}

    def __enter__(self) -> Self:
        self._handlers = {number: signal.getsignal(number) for number in ENDINGS}
        for number in ENDINGS:
            signal.signal(number, signal.default_int_handler)
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        for number in ENDINGS:
            # A second Ctrl-C must not cut this short and leave processes behind.
            signal.signal(number, signal.SIG_IGN)
        self._stop()
        for before, handler in self._handlers.items():
            signal.signal(before, handler)

    def add(self, program: Program) -> Program:
        """Supervise a program that has just been started."""
        self.programs.append(program)
        return program

    def check(self) -> None:
        """Check that every program runs.

        Raises:
            UserError: one has ended; names it, its log and the last warnings there.
        """
        for program in self.programs:
            program.check()

    def _stop(self) -> None:
        deadline = monotonic() + STOP_SECONDS
        newest_first = self.programs[::-1]
        for program in newest_first[:1]:
            program.stop(WORKER_SECONDS)
        for program in newest_first[1:]:
            program.request(signal.SIGTERM)
        for program in newest_first[1:]:
            program.stop(max(0.0, deadline - monotonic()))
