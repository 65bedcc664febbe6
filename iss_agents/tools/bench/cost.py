"""Cost of a stage."""

from collections.abc import Mapping
from dataclasses import dataclass

WARM = 0.15
"""Share of a backlog that is warm-up: connections, caches and compiled code."""


@dataclass(frozen=True)
class Cost:
    """`count` messages in `seconds`, and the processor time they took.

    `processor`: program -> seconds, beginning with the program that does the work. `floor`: microseconds a
    message of a bare loop in the same run, where one was measured.
    """

    stage: str
    count: int
    seconds: float
    processor: Mapping[str, float]
    floor: float | None = None

    @property
    def rate(self) -> float:
        """Messages a second."""
        return self.count / self.seconds

    @property
    def microseconds(self) -> dict[str, float]:
        """Processor time a message of each program."""
        return {name: seconds / self.count * 1e6 for name, seconds in self.processor.items()}

    @property
    def own(self) -> float:
        """Microseconds a message of the program that does the work, the first one."""
        return next(iter(self.microseconds.values()))

    @property
    def ratio(self) -> float | None:
        """How many times the floor it costs."""
        return self.own / self.floor if self.floor else None

    def document(self) -> dict[str, object]:
        """Return it as a program reads it."""
        return {
            "stage": self.stage,
            "messages": self.count,
            "messages_per_second": self.rate,
            "microseconds_per_message": self.microseconds,
            "floor_microseconds": self.floor,
            "ratio_to_floor": self.ratio,
        }
