"""What a program needs of its machine before it starts: a free port, a folder of its own, nobody else in it."""

import fcntl
import os
import random
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from iss_agents.errors import UserError

PORTS = range(16_384, 32_768)

CHOOSE_HOME = "give yourself permission, or set ISS_HOME to a folder of your own."


def require_free(port: int, name: str) -> None:
    """Do nothing if `port` of 127.0.0.1 can be bound.

    Raises:
        UserError: it is taken.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise UserError(
                f"Port {port} for {name} is taken: stop the program that uses it, or choose another port."
            ) from error


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody used a moment ago.

    It is none of those that Linux gives to outgoing connections (32768 and above, ip(7)): such a one may
    be taken again before a program that needs two seconds to start has bound it.
    """
    while True:
        port = random.choice(PORTS)  # noqa: S311 - no secret
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def accepts(port: int) -> bool:
    """Return whether something accepts connections at `port` of 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def make_folder(path: Path) -> Path:
    """Create a folder and return it.

    Raises:
        UserError: it cannot be created or written to.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{path} cannot be created ({error.strerror}): {CHOOSE_HOME}") from error
    if not os.access(path, os.W_OK | os.X_OK):
        raise UserError(f"{path} cannot be written to: {CHOOSE_HOME}")
    return path


@contextmanager
def only_user_of(folder: Path) -> Iterator[None]:
    """Keep `folder` for this process; the lock goes with the process, however it ends.

    Raises:
        UserError: another process has it.
    """
    with (make_folder(folder) / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UserError(
                f"{folder} is in use by another iss-agents: stop that one, or set ISS_HOME to another folder."
            ) from error
        yield
