"""The database: it starts, keeps its documents whatever ends it, and refuses with one sentence."""

import signal
import socket
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from iss_agents.embedded.database import Database
from iss_agents.embedded.hanging import _hangs
from iss_agents.embedded.place import accepts, free_port
from iss_agents.errors import UserError
from tests.waiting import until

HANGS = {
    "configureFailPoint": "failCommand",
    "mode": "alwaysOn",
    "data": {
        "failCommands": ["insert", "update", "findAndModify"],
        "blockConnection": True,
        "blockTimeMS": 600_000,
    },
}
"""Answers pings and never a write."""


def client(url: str) -> MongoClient[dict[str, Any]]:
    return MongoClient(url)


def test_a_document_that_was_written_is_read_back(mongo_url: str) -> None:
    with client(mongo_url) as documents:
        documents.trial.papers.insert_one({"_id": 1, "value": "37"})

        assert documents.trial.papers.find_one() == {"_id": 1, "value": "37"}


def test_the_database_keeps_what_it_acknowledged_when_it_is_killed(tmp_path: Path) -> None:
    database = Database(tmp_path, free_port())
    first = database.start()
    first.wait_until(database.ready)
    with client(database.url) as documents:
        documents.trial.papers.insert_one({"_id": 1, "value": "37"})
    first.request(signal.SIGKILL)
    first.stop()
    assert not accepts(database.port)

    second = database.start()
    try:
        second.wait_until(database.ready)
        with client(database.url) as documents:
            found = documents.trial.papers.find_one()
    finally:
        second.stop()

    assert found == {"_id": 1, "value": "37"}
    assert not accepts(database.port)


def test_a_new_database_that_hangs_in_its_first_write_starts_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("iss_agents.embedded.database.FIRST_WRITE_SECONDS", 1.0)
    database = Database(tmp_path, free_port())
    program = database.start()
    program.wait_until(lambda: accepts(database.port))
    hanging = program.pid
    program.request(signal.SIGSTOP)
    try:
        assert not database.ready()
        assert program.pid != hanging
        program.wait_until(database.ready)
    finally:
        program.stop()


def test_a_taken_port_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        with pytest.raises(UserError, match=f"Port {port} for the database is taken"):
            Database(tmp_path / "database", port).start()

    assert not (tmp_path / "database").exists()


def test_a_database_that_is_not_installed_is_said_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sysconfig.get_path", lambda _name: str(tmp_path))

    with pytest.raises(UserError, match="SecantusDB is not installed: run `uv sync --group embedded`"):
        Database(tmp_path, free_port()).start()


async def test_a_database_that_hangs_in_its_writes_starts_again_and_keeps_its_documents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("iss_agents.embedded.hanging.LOOK_SECONDS", 0.1)
    monkeypatch.setattr("iss_agents.embedded.hanging.WRITE_SECONDS", 1.0)
    database = Database(tmp_path, free_port(), faults=True)
    program = database.start()
    try:
        program.wait_until(database.ready)
        hanging = program.pid
        with client(database.url) as documents:
            documents.trial.papers.insert_one({"_id": 1, "value": "37"})
            documents.admin.command(HANGS)
        await until(lambda: program.pid != hanging)
        program.wait_until(database.ready)
        with client(database.url) as documents:
            found = documents.trial.papers.find_one()
    finally:
        program.stop()

    assert found == {"_id": 1, "value": "37"}


async def test_a_database_that_stands_still_is_let_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[bool] = []

    def look(*clients: MongoClient[dict[str, Any]]) -> bool:
        looks.append(_hangs(*clients))
        return looks[-1]

    monkeypatch.setattr("iss_agents.embedded.hanging.LOOK_SECONDS", 0.1)
    monkeypatch.setattr("iss_agents.embedded.hanging.WRITE_SECONDS", 2.0)
    monkeypatch.setattr("iss_agents.embedded.hanging.PING_SECONDS", 0.5)
    monkeypatch.setattr("iss_agents.embedded.hanging._hangs", look)
    database = Database(tmp_path, free_port())
    program = database.start()
    try:
        program.wait_until(database.ready)
        process = program.pid
        program.request(signal.SIGSTOP)
        seen = len(looks)
        await until(lambda: len(looks) >= seen + 3, 30)
    finally:
        program.stop(0.0)

    assert program.pid == process
    assert not any(looks)
