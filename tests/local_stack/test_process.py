"""A child process: watched, stopped with all it started, never outliving its parent."""

import os
import re
import signal
import sys
from pathlib import Path
from subprocess import TimeoutExpired

import pytest

from iss_agents.errors import UserError
from iss_agents.local_stack.ports import accepts
from iss_agents.local_stack.process import Program, last_warnings
from tests.waiting import until

SLEEP = "import time; print('up', flush=True); time.sleep(60)"
DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEP}"
LISTEN = (
    "import socket, time; listener = socket.create_server(('127.0.0.1', 0));"
    "print(listener.getsockname()[1], flush=True); time.sleep(60)"
)
PARENT = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {LISTEN!r}]); time.sleep(60)"


def program(script: str, folder: Path) -> Program:
    return Program("The trial", [sys.executable, "-c", script], folder / "trial.log")


def started(script: str, folder: Path) -> Program:
    """Start a script and wait until it has said a line."""
    trial = program(script, folder)
    trial.start()
    trial.wait_until(lambda: trial.log.read_text().endswith("\n"), seconds=10)
    return trial


def test_a_program_that_ended_is_named_with_the_end_of_its_log(tmp_path: Path) -> None:
    trial = program("print(*range(20), sep='\\n', flush=True); raise SystemExit('no more')", tmp_path)
    trial.start()

    with pytest.raises(UserError) as failure:
        trial.wait_until(lambda: False, seconds=10)

    assert str(failure.value) == (
        f"The trial has ended (exit code 1); its whole log is {tmp_path}/trial.log\n16\n17\n18\n19\nno more"
    )


def test_only_what_may_be_a_reason_is_shown_of_a_log() -> None:
    log = """\
+Faust+-----+
| id  | app |
[main] INFO kafka.server - starting
{"time": "2026", "level": "INFO", "logger": "a", "message": "all is well"}
{"time": "2026", "level": "ERROR", "message": "it broke", "exc_info": "Traceback\\n  File x\\nKeyError: 'a'"}

12:00:00 DEBUG   nothing
12:00:00 WARNING nearly
\tat kafka.tools.StorageTool.main(StorageTool.scala)
\tbroker.id = 1
{"no": "record"}
"""

    assert last_warnings(log) == ["ERROR it broke KeyError: 'a'", "12:00:00 WARNING nearly", '{"no": "record"}']


def test_the_log_of_the_start_before_is_kept(tmp_path: Path) -> None:
    for words in ("first", "second", "third"):
        trial = program(f"print({words!r})", tmp_path)
        trial.start()
        trial._process.wait()  # type: ignore[union-attr]

    assert (tmp_path / "trial.log").read_text() == "third\n"
    assert (tmp_path / "trial.log.1").read_text() == "second\n"


def test_a_program_that_was_killed_is_named_with_the_signal(tmp_path: Path) -> None:
    trial = started(SLEEP, tmp_path)
    trial.request(signal.SIGKILL)

    with pytest.raises(UserError, match=r"The trial has ended \(signal 9\)"):
        trial.wait_until(lambda: False, seconds=10)


def test_a_program_that_is_never_ready_is_named_with_its_log(tmp_path: Path) -> None:
    trial = started(SLEEP, tmp_path)

    with pytest.raises(
        UserError, match=rf"The trial was not ready within 0 s; its log is {tmp_path}/trial.log"
    ):
        trial.wait_until(lambda: False, seconds=0.1)

    trial.stop()


def test_a_program_that_ignores_the_request_to_stop_is_killed(tmp_path: Path) -> None:
    trial = started(DEAF, tmp_path)

    trial.stop(seconds=0.1)

    assert not trial.running


def test_it_is_said_how_long_a_program_had_to_stop_since_it_was_first_asked(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    trial = started(DEAF, tmp_path)

    trial.request(signal.SIGTERM)
    with pytest.raises(TimeoutExpired):
        trial._process.wait(0.3)  # type: ignore[union-attr]
    trial.stop(seconds=0.0)

    [said] = caplog.messages
    assert re.fullmatch(r"The trial did not stop within 0\.[3-9] s and was killed", said)


def test_a_program_that_is_to_be_killed_is_not_said_to_have_had_its_time(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    trial = started(DEAF, tmp_path)

    assert trial.restart(trial.pid)
    assert trial.running
    trial.kill()

    assert not trial.running
    assert caplog.messages == []


async def test_what_a_program_started_is_stopped_with_it(tmp_path: Path) -> None:
    trial = started(PARENT, tmp_path)
    port = int(trial.log.read_text())
    assert accepts(port)

    trial.stop()

    await until(lambda: not accepts(port))


def test_the_group_of_a_program_that_has_ended_is_signalled_only_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial = started(SLEEP, tmp_path)
    trial.stop()
    # Whose it is now, nobody knows: the kernel uses numbers again.
    signalled: list[int] = []
    monkeypatch.setattr(os, "killpg", lambda group, _number: signalled.append(group))
    trial.stop()
    trial.kill()

    assert signalled == []


def test_stopping_a_program_that_never_started_does_nothing(tmp_path: Path) -> None:
    idle = program(SLEEP, tmp_path)
    idle.stop()

    assert (idle.running, idle.pid, idle.log.exists()) == (False, None, False)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
async def test_a_program_dies_with_its_parent_however_that_ends(tmp_path: Path) -> None:
    parent = started(
        "import sys, time; from pathlib import Path; from iss_agents.local_stack.process import Program;"
        f"trial = Program('child', [sys.executable, '-c', {LISTEN!r}], Path({str(tmp_path)!r}) / 'child.log');"
        "trial.start(); trial.wait_until(lambda: trial.log.read_text());"
        "print('up', flush=True); time.sleep(60)",
        tmp_path,
    )
    port = int((tmp_path / "child.log").read_text())
    assert accepts(port)

    parent.request(signal.SIGKILL)

    await until(lambda: not accepts(port))
    parent.stop()
