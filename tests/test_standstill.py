import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from iss_agents.giving_up import EXIT_CODE
from iss_agents.standstill import Standstill

WORKER = """
import asyncio
from iss_agents.standstill import Standstill
async def main():
    guard = Standstill(1.0)
    await guard.start()
    print("running", flush=True)
    while True:
        guard.check()
        await asyncio.sleep(0.01)
asyncio.run(main())
"""


@pytest.fixture
def process() -> Iterator[subprocess.Popen[str]]:
    running = subprocess.Popen(
        [sys.executable, "-c", WORKER], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert running.stdout
    assert running.stdout.readline() == "running\n"
    yield running
    running.kill()
    running.communicate()


def test_a_process_that_stood_still_ends_before_it_does_anything(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGSTOP)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(2.0)
    process.send_signal(signal.SIGCONT)

    assert process.wait(5.0) == EXIT_CODE


def test_a_process_that_runs_goes_on(process: subprocess.Popen[str]) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(2.0)


def test_the_clock_that_moved_more_counts() -> None:
    guard = Standstill(1.0)
    monotonic, wall = guard._beat_at

    assert guard.stood_for((monotonic + 3.0, wall + 1.0)) == pytest.approx(3.0)
    assert guard.stood_for((monotonic + 1.0, wall + 3.0)) == pytest.approx(3.0)


async def test_a_start_that_takes_long_is_no_standstill() -> None:
    guard = Standstill(1.0)
    monotonic, wall = guard._beat_at
    guard._beat_at = monotonic - 60, wall - 60

    await guard.start()
    stood = guard.stood_for((time.monotonic(), time.time()))
    await guard.stop()

    assert stood < 1.0
