"""What a program needs of its machine, refused with one sentence."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from iss_agents.errors import UserError
from iss_agents.local_stack import ports
from iss_agents.local_stack.ports import (
    PORTS,
    accepts,
    free_port,
    make_folder,
    only_user_of,
    require_distinct,
    require_free,
)

OUTGOING = Path("/proc/sys/net/ipv4/ip_local_port_range")


def test_a_taken_port_is_named_with_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        with pytest.raises(UserError) as refusal:
            require_free(port, "Kafka")

    assert str(refusal.value) == (
        f"Port {port} for Kafka is taken: stop the program that uses it, or choose another port."
    )


def test_a_port_that_was_just_left_is_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert accepts(port)
        with socket.create_connection(("127.0.0.1", port)), other.accept()[0]:
            pass

    require_free(port, "Kafka")

    assert not accepts(port)
    assert free_port() != port


def test_a_free_port_is_none_that_an_outgoing_connection_may_take() -> None:
    ports = {free_port() for _ in range(20)}

    assert max(ports) < int(OUTGOING.read_text().split()[0])
    assert len(ports) > 1


def test_a_port_is_given_out_once_until_a_program_has_bound_it(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, third = free_port(), free_port(), free_port()
    require_free(third, "Kafka")
    fourth = free_port_of_another_process([first, second, third, *PORTS[:100]])
    monkeypatch.setattr(ports, "PORTS", [first, second, third, fourth, *PORTS[-100:]])

    assert free_port() in PORTS[-100:]
    for port in (first, second, third, fourth):
        with socket.create_server(("127.0.0.1", port)):
            assert accepts(port)


def free_port_of_another_process(candidates: list[int]) -> int:
    script = f"from iss_agents.local_stack import ports; ports.PORTS = {candidates}; print(ports.free_port())"
    return int(subprocess.check_output([sys.executable, "-c", script]))


def test_two_programs_with_one_port_are_named() -> None:
    with pytest.raises(UserError) as refusal:
        require_distinct({"Kafka": 9092, "the database": 27017, "the station": 9092})

    assert str(refusal.value) == "Kafka and the station both have port 9092: give each a port of its own."


def test_a_folder_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(UserError) as refusal:
        make_folder(tmp_path / "file" / "home")

    assert str(refusal.value) == (
        f"{tmp_path}/file/home cannot be created (Not a directory): "
        "give yourself permission, or set ISS_HOME to a folder of your own."
    )


def test_a_folder_without_permission_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The superuser may write everywhere, so the answer of the system is given here.
    monkeypatch.setattr("os.access", lambda _path, _mode: False)

    with pytest.raises(UserError) as refusal:
        make_folder(tmp_path)

    assert str(refusal.value) == (
        f"{tmp_path} cannot be written to: give yourself permission, or set ISS_HOME to a folder of your own."
    )


def test_a_folder_has_one_user_at_a_time(tmp_path: Path) -> None:
    with only_user_of(tmp_path), pytest.raises(UserError, match="is in use by another iss-agents"):
        only_user_of(tmp_path).__enter__()

    with only_user_of(tmp_path):
        pass
