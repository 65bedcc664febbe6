"""The programs of one machine as a whole: all run, or none does."""

import os
import signal
import sys
from pathlib import Path

import pytest

from iss_agents.errors import UserError
from iss_agents.local_stack.process import Program
from iss_agents.local_stack.supervisor import ENDINGS, Supervisor

SAY_GOODBYE = """
import signal, sys, time
def end(*_): open(sys.argv[1], "a").write(sys.argv[2] + " "); sys.exit()
signal.signal(signal.SIGTERM, end)
print("up", flush=True)
time.sleep(60)
"""


def started(name: str, folder: Path) -> Program:
    program = Program(name, [sys.executable, "-c", SAY_GOODBYE, str(folder / "ends"), name], folder / name)
    program.start()
    program.wait_until(lambda: program.log.read_text() == "up\n", seconds=10)
    return program


def test_the_newest_program_is_stopped_before_those_that_it_uses(tmp_path: Path) -> None:
    with Supervisor() as supervisor:
        programs = [supervisor.add(started(name, tmp_path)) for name in ("kafka", "database", "worker")]

    ends = (tmp_path / "ends").read_text().split()
    assert ends[0] == "worker"
    assert sorted(ends) == ["database", "kafka", "worker"]
    assert [program.running for program in programs] == [False, False, False]


def test_when_one_has_ended_the_others_are_stopped(tmp_path: Path) -> None:
    programs = [started(name, tmp_path) for name in ("kafka", "database", "worker")]
    programs[1].request(signal.SIGKILL)
    programs[0].wait_until(lambda: not programs[1].running, seconds=10)

    with pytest.raises(UserError, match=r"database has ended \(signal 9\)"):
        watch(programs)

    assert [program.running for program in programs] == [False, False, False]


@pytest.mark.parametrize("number", ENDINGS)
def test_every_way_to_end_a_command_stops_the_programs(number: signal.Signals, tmp_path: Path) -> None:
    handler = signal.getsignal(number)
    program = started("kafka", tmp_path)

    with pytest.raises(KeyboardInterrupt):
        watch([program], number)

    assert not program.running
    assert signal.getsignal(number) is handler


def watch(programs: list[Program], ending: signal.Signals | None = None) -> None:
    """Have a stack look at programs once, and this process asked to end."""
    with Supervisor() as supervisor:
        for program in programs:
            supervisor.add(program)
        supervisor.check()
        if ending:
            os.kill(os.getpid(), ending)
