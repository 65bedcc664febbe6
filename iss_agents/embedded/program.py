"""A child process that writes to a log file, ends with its parent and leaves nothing behind."""

import ctypes
import json
import logging
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import RLock
from time import monotonic, sleep

from iss_agents.errors import UserError

logger = logging.getLogger(__name__)

POLL = 0.05
"""Seconds between two looks at whether a program is ready."""

LAST_LINES = 5
"""How many lines of its log are shown of a program that has crashed."""

HARMLESS = re.compile(r"\b(TRACE|DEBUG|INFO)\b|^[|+]")
"""What marks a line of a log, of whichever program, as no reason to end: its level, or Faust's frame."""

LONGEST_LINE = 300
"""Characters of a line that are shown."""

PR_SET_PDEATHSIG = 1
"""prctl(2): the signal a process gets when its parent has died, however that was."""

LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class Program:
    """One program of the machine. It is stopped by `stop`, or by the kernel when this process dies (Linux)."""

    def __init__(
        self, name: str, command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self.log = log
        self._command = command
        self._environment = {**os.environ, **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self._changing = RLock()

    @property
    def pid(self) -> int | None:
        """The process id, None before the start."""
        return self._process.pid if self._process else None

    @property
    def running(self) -> bool:
        """Whether the program was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """How it ended, a signal as a negative number; None while it runs."""
        return self._process.poll() if self._process else None

    def start(self) -> None:
        """Start the program in a session of its own, so that a terminal's Ctrl-C reaches only its parent.

        The log of the start before is kept, with `.1` after its name.
        """
        with self._changing:
            self._keep_log_before()
            with self.log.open("wb") as log:
                self._process = subprocess.Popen(  # noqa: S603 - our own command line
                    self._command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=self._environment,
                    start_new_session=True,
                    preexec_fn=_die_with_parent,  # noqa: PLW1509 - one system call, no locks
                )
        logger.debug("%s runs as process %s", self.name, self.pid)

    def restart(self, pid: int | None) -> bool:
        """Kill the process `pid` and start the program again, unless somebody else has ended it meanwhile.

        Any thread may call this: to the others the program has not ended in between.
        """
        with self._changing:
            if self.pid != pid or not self.running:
                return False
            self.stop(0.0)
            self.start()
            return True

    def wait_until(self, ready: Callable[[], bool], seconds: float = 60.0) -> None:
        """Wait until `ready()`.

        Raises:
            UserError: the program ended, or was not ready within `seconds`.
        """
        deadline = monotonic() + seconds
        while not ready():
            self.check()
            if monotonic() > deadline:
                raise UserError(f"{self.name} was not ready within {seconds:.0f} s; its log is {self.log}.")
            sleep(POLL)

    def check(self) -> None:
        """Do nothing while the program runs.

        Raises:
            UserError: it has ended; names its exit code, its log and the log's last warnings.
        """
        with self._changing:
            if self._process is None or self._process.poll() is None:
                return
            ending = _ending(self._process.returncode)
        said = "\n".join(["", *last_warnings(self.output())])
        raise UserError(f"{self.name} has ended ({ending}); its whole log is {self.log}{said}")

    def request(self, number: signal.Signals) -> None:
        """Send a signal to the program, if it runs."""
        if self._process and self.running:
            self._process.send_signal(number)

    def stop(self, seconds: float = 5.0) -> None:
        """End the program with SIGTERM, after `seconds` with SIGKILL, and everything it started with it."""
        with self._changing:
            if self._process is None:
                return
            self.request(signal.SIGTERM)
            try:
                self._process.wait(seconds)
            except subprocess.TimeoutExpired:
                logger.warning("%s did not stop within %.1f s and was killed", self.name, seconds)
            _kill_group(self._process.pid)
            self._process.wait()

    def output(self) -> str:
        """Return what the program has said since its start; nothing if its log is gone."""
        try:
            return self.log.read_text(errors="replace")
        except OSError:
            return ""

    def _keep_log_before(self) -> None:
        with suppress(FileNotFoundError):
            self.log.replace(self.log.with_name(f"{self.log.name}.1"))


def last_warnings(log: str) -> list[str]:
    """Return the last lines of a log but for those of level INFO and below; JSON as level and message."""
    lines = [_sentence(line)[:LONGEST_LINE] for line in log.splitlines()]
    return [line for line in lines if line.strip() and not HARMLESS.search(line)][-LAST_LINES:]


def _sentence(line: str) -> str:
    try:
        record = json.loads(line)
        return f"{record['level']} {record['message']} {_last_line(record.get('exc_info'))}".rstrip()
    except (ValueError, TypeError, KeyError):
        return line


def _last_line(trace: str | None) -> str:
    return trace.strip().rpartition("\n")[2] if trace else ""


def _die_with_parent() -> None:
    if LIBC is not None:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _kill_group(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):  # macOS says the latter of a group that has just ended
        return


def _ending(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
