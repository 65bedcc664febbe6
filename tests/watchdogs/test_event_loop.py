"""A process whose event loop does not turn ends."""

import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from iss_agents.runtime.fail_fast import EXIT_CODE

WORKER = """
import asyncio, logging, sys, time
logging.basicConfig()
from iss_agents.watchdogs import event_loop
event_loop.TICK_SECONDS, event_loop.BLOCKED_SECONDS = 0.05, 1.0
async def main():
    watch = event_loop.EventLoopWatchdog()
    await watch.start()
    print("running", flush=True)
    while True:
        line = await asyncio.to_thread(sys.stdin.readline)
        if line == "block\\n":
            time.sleep(60)
        if line == "stop\\n":
            await watch.stop()
            return
asyncio.run(main())
"""


@pytest.fixture
def process() -> Iterator[subprocess.Popen[str]]:
    running = subprocess.Popen(
        [sys.executable, "-c", WORKER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stdout
    assert running.stdout.readline() == "running\n"
    yield running
    running.kill()
    running.communicate()


def test_a_loop_that_is_blocked_ends_the_process_and_the_log_says_where(process: subprocess.Popen[str]) -> None:
    _, log = process.communicate("block\n", timeout=20)

    assert process.returncode == EXIT_CODE
    assert 'File "<string>", line 13, in main' in log
    assert "the event loop has been blocked for 1 s; the worker ends so that nothing is lost" in log


def test_a_process_that_was_stopped_and_goes_on_is_not_taken_for_blocked(
    process: subprocess.Popen[str],
) -> None:
    process.send_signal(signal.SIGSTOP)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(2.0)
    process.send_signal(signal.SIGCONT)
    process.communicate("stop\n", timeout=20)

    assert process.returncode == 0
