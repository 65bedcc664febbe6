"""A child process whose wall clock is set while it runs."""

import sys
from datetime import timedelta
from functools import partial
from pathlib import Path
from time import CLOCK_BOOTTIME, clock_gettime, monotonic, time

import pytest

from iss_agents.local_stack.process import Program
from iss_agents.tools.testbed.processes import kill
from iss_agents.tools.testbed.wall_clock import SHARED_MEMORY, WallClock, find_libfaketime
from tests.waiting import until

pytestmark = pytest.mark.long

TELLS_THE_TIME = """
import threading, time
while True:
    print(time.time(), time.monotonic(), time.clock_gettime(time.CLOCK_BOOTTIME), flush=True)
    threading.Event().wait(0.05)
"""


async def test_only_the_wall_clock_is_set_and_nothing_is_left_of_it(tmp_path: Path) -> None:
    library = find_libfaketime()
    assert library, "install libfaketime, of the Debian package faketime"
    clock = WallClock(library, tmp_path / "clock")
    program = Program("a clock", (sys.executable, "-c", TELLS_THE_TIME), tmp_path / "log", clock.variables)
    program.start()
    assert program.pid
    try:
        for ahead in (0, 3600, -86_400, 0):
            clock.set_ahead(timedelta(seconds=ahead))
            await until(partial(_is_ahead, program, ahead))
            _, told_monotonic, told_boottime = _told(program)
            assert told_monotonic == pytest.approx(monotonic(), abs=2)
            assert told_boottime == pytest.approx(clock_gettime(CLOCK_BOOTTIME), abs=2)
        assert _left_by(program.pid)
    finally:
        await kill(program)
        clock.clean_up(program.pid)

    assert not _left_by(program.pid)


def _is_ahead(program: Program, seconds: float) -> bool:
    return abs(_told(program)[0] - time() - seconds) < 2


def _told(program: Program) -> list[float]:
    """Return what the process said last of its three clocks."""
    complete = program.output().rpartition("\n")[0].splitlines()
    return [float(word) for word in complete[-1].split()] if complete else [0.0] * 3


def _left_by(pid: int) -> list[Path]:
    return list(SHARED_MEMORY.glob(f"*faketime*_{pid}"))
