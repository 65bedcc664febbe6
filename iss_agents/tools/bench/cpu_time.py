"""Processor time of programs, which depends less than their speed on what else the machine does."""

from collections.abc import Mapping

import psutil


def processor_seconds(pid: int) -> float:
    """Return the processor time, user and system, that a process has taken so far."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


class Clock:
    """What each of `programs`, name -> process id, takes of the processor."""

    def __init__(self, programs: Mapping[str, int]) -> None:
        self._programs = programs
        self._began = self._now()

    def taken(self) -> dict[str, float]:
        """Return the seconds of each program since the clock was made."""
        return {name: seconds - self._began[name] for name, seconds in self._now().items()}

    def _now(self) -> dict[str, float]:
        return {name: processor_seconds(pid) for name, pid in self._programs.items()}
