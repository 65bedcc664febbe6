"""Child process that writes to a log file, ends with its parent and leaves nothing behind."""

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
"""Seconds between two checks whether a program is ready."""

LAST_LINES = 5
"""How many lines of its log are shown when a program has crashed."""

HARMLESS = re.compile(r"\b(TRACE|DEBUG|INFO)\b|^[|+\s]")
"""Marks log lines that do not explain an exit: a low level, the frame of Faust's banner, or a line that begins
with a space, as those of a stack trace and of Kafka's list of settings do."""

LONGEST_LINE = 300
"""Characters of a line that are shown."""

PR_SET_PDEATHSIG = 1
"""prctl(2): the signal a process gets when its parent has died."""

LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class Program:
    """One program. It is stopped by `stop`, or by the kernel when this process dies (Linux)."""

    def __init__(
        self, name: str, command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self.log = log
        self._command = command
        self._environment = {**os.environ, **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self._group: int | None = None
        self._asked_to_stop: float | None = None
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
        """Start the program in its own session, so that a terminal's Ctrl-C reaches only its parent.

        The log of the previous start is kept, with `.1` appended to its name.
        """
        with self._changing:
            self._keep_log_before()
            self._asked_to_stop = None
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
            self._group = self._process.pid
        logger.debug("%s runs as process %s", self.name, self.pid)

    def restart(self, pid: int | None) -> bool:
        """Kill the process `pid` and start the program again, unless it was stopped or restarted meanwhile.

        Any thread may call this; to the others the program appears to run all the time.
        """
        with self._changing:
            if self.pid != pid or not self.running:
                return False
            self.kill()
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
        """Check that the program runs.

        Raises:
            UserError: it has ended; names its exit code, its log and the log's last warnings.
        """
        with self._changing:
            if self._process is None or self._process.poll() is None:
                return
            ending = _ending(self._process.returncode)
        ended = f"{self.name} has ended ({ending}); its whole log is {self.log}"
        raise UserError(ended, *last_warnings(self.output()))

    def request(self, number: signal.Signals) -> None:
        """Send a signal to the program, if it runs."""
        if self._process and self.running:
            self._process.send_signal(number)
            if number == signal.SIGTERM and self._asked_to_stop is None:
                self._asked_to_stop = monotonic()

    def stop(self, seconds: float = 5.0) -> None:
        """Stop the program with SIGTERM, after `seconds` with SIGKILL, and everything it has started."""
        with self._changing:
            if self._process is None:
                return
            self.request(signal.SIGTERM)
            try:
                self._process.wait(seconds)
            except subprocess.TimeoutExpired:
                waited = monotonic() - (self._asked_to_stop or monotonic())
                logger.warning("%s did not stop within %.1f s and was killed", self.name, waited)
            self.kill()

    def kill(self) -> None:
        """Kill the program, and everything it has started."""
        with self._changing:
            if self._process is None or self._group is None:
                return
            # Once only: the number may be reused for another group later.
            group, self._group = self._group, None
            _kill_group(group)
            self._process.wait()

    def output(self) -> str:
        """Return the program's output since its start; empty if its log is gone."""
        try:
            return self.log.read_text(errors="replace")
        except OSError:
            return ""

    def _keep_log_before(self) -> None:
        with suppress(FileNotFoundError):
            self.log.replace(self.log.with_name(f"{self.log.name}.1"))


def last_warnings(log: str) -> list[str]:
    """Return the last lines of a log above level INFO; JSON as level and message."""
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
