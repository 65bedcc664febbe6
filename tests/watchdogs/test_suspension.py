import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from iss_agents.runtime.fail_fast import EXIT_CODE
from iss_agents.watchdogs import suspension
from iss_agents.watchdogs.suspension import SuspensionFence

WORKER = """
import asyncio, signal, time
whole, ahead = time.time, 0.0
def step(*_):
    global ahead
    ahead += 3600.0
    print("stepped", flush=True)
time.time = lambda: whole() + ahead
signal.signal(signal.SIGUSR1, step)
from iss_agents.watchdogs.suspension import SuspensionFence
async def main():
    guard = SuspensionFence(1.0)
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


def test_a_wall_clock_that_steps_ends_nobody(process: subprocess.Popen[str]) -> None:
    assert process.stdout
    process.send_signal(signal.SIGUSR1)
    assert process.stdout.readline() == "stepped\n"

    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(1.5)


def test_the_time_in_which_the_machine_was_suspended_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[float] = []
    monkeypatch.setattr(suspension, "fail_fast", lambda _reason, stood: ended.append(stood))
    now = 100.0
    guard = SuspensionFence(10.0, lambda: now)
    now += 10.0
    guard.check()
    assert ended == []

    now += 1.0
    guard.check()
    assert ended == [11.0]


async def test_a_start_that_takes_long_is_no_standstill(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[float] = []
    monkeypatch.setattr(suspension, "fail_fast", lambda _reason, stood: ended.append(stood))
    now = 0.0
    guard = SuspensionFence(1.0, lambda: now)
    now = 60.0
    async with guard:
        guard.check()

    assert ended == []
