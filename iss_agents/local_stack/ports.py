"""Preconditions of a program on its machine: a free port, and a folder that no other process uses."""

import fcntl
import os
import random
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from iss_agents.errors import UserError
from iss_agents.runtime.ports import bind_error

PORTS = range(16_384, 32_768)

CHOOSE_HOME = "give yourself permission, or set ISS_HOME to a folder of your own."


def require_free(port: int, name: str) -> None:
    """Check that `port` of 127.0.0.1 can be bound, and keep it from `free_port` for a minute.

    Raises:
        UserError: it is taken.
    """
    if error := bind_error("127.0.0.1", port):
        raise UserError(
            f"Port {port} for {name} is taken: stop the program that uses it, or choose another port."
        ) from error
    with socket.create_server(("127.0.0.1", port)) as listener:
        _leave_in_time_wait(listener)


def require_distinct(ports: Mapping[str, int]) -> None:
    """Check that no two programs, by name, were given the same port.

    Raises:
        UserError: two were.
    """
    users: dict[int, str] = {}
    for name, port in ports.items():
        if port in users:
            raise UserError(f"{users[port]} and {name} both have port {port}: give each a port of its own.")
        users[port] = name


def free_port() -> int:
    """Return a port of 127.0.0.1 that is free, and that no other call returns for a minute, in any process.

    It is outside the range that Linux uses for outgoing connections (32768 and above, ip(7)): such a port could
    be taken before a program that needs two seconds to start has bound it.
    """
    while True:
        port = random.choice(PORTS)  # noqa: S311 - no secret
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            _leave_in_time_wait(probe)
            return port


def _leave_in_time_wait(listener: socket.socket) -> None:
    # The side that closes first leaves its port in TIME_WAIT for a minute. With SO_REUSEADDR, as servers have
    # it, such a port can be bound; the probe of `free_port` binds without.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.listen()
    with socket.create_connection(listener.getsockname()):
        listener.accept()[0].close()


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
    """Lock `folder` for this process; the lock ends with the process, however that ends.

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
