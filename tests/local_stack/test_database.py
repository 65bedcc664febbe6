"""The database: it starts, keeps its documents whatever ends it, and refuses with one sentence."""

import signal
import socket
from pathlib import Path
from threading import Timer
from typing import Any

import pytest
from pymongo import MongoClient

from iss_agents.errors import UserError
from iss_agents.local_stack.database import Database, executable
from iss_agents.local_stack.liveness import _hangs
from iss_agents.local_stack.ports import accepts, free_port
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


@pytest.mark.long
def test_a_new_database_that_hangs_in_its_first_write_starts_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("iss_agents.local_stack.database.FIRST_WRITE_SECONDS", 1.0)
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
    monkeypatch.delenv("ISS_DATABASE_PROGRAM", raising=False)
    monkeypatch.setattr("sysconfig.get_path", lambda _name: str(tmp_path))

    with pytest.raises(UserError, match="SecantusDB is not installed: run `uv sync --group embedded`"):
        Database(tmp_path, free_port()).start()


@pytest.mark.long
async def test_a_database_that_hangs_in_its_writes_starts_again_and_keeps_its_documents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("iss_agents.local_stack.liveness.PROBE_SECONDS", 0.1)
    monkeypatch.setattr("iss_agents.local_stack.liveness.WRITE_SECONDS", 1.0)
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

    def probe(*clients: MongoClient[dict[str, Any]]) -> bool:
        looks.append(_hangs(*clients))
        return looks[-1]

    monkeypatch.setattr("iss_agents.local_stack.liveness.PROBE_SECONDS", 0.1)
    monkeypatch.setattr("iss_agents.local_stack.liveness.WRITE_SECONDS", 2.0)
    monkeypatch.setattr("iss_agents.local_stack.liveness.PING_SECONDS", 0.5)
    monkeypatch.setattr("iss_agents.local_stack.liveness._hangs", probe)
    database = Database(tmp_path, free_port())
    program = database.start()
    try:
        program.wait_until(database.ready)
        process = program.pid
        program.request(signal.SIGSTOP)
        seen = len(looks)
        await until(lambda: len(looks) >= seen + 3)
    finally:
        program.kill()

    assert program.pid == process
    assert not any(looks)


def test_a_database_that_answers_again_when_its_write_is_late_was_busy(tmp_path: Path) -> None:
    database = Database(tmp_path, free_port())
    program = database.start()
    try:
        program.wait_until(database.ready)
        writing = MongoClient[dict[str, Any]](database.url, socketTimeoutMS=1_000, retryWrites=False)
        pinging = MongoClient[dict[str, Any]](database.url, socketTimeoutMS=1_500, retryReads=False)
        with writing as writer, pinging as pinger:
            assert not _hangs(writer, pinger)
            program.request(signal.SIGSTOP)
            again = Timer(1.7, program.request, [signal.SIGCONT])
            again.start()
            assert not _hangs(writer, pinger)
            again.join()
    finally:
        program.stop()


def test_another_program_with_its_options_serves_as_the_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, seen = tmp_path / "other", tmp_path / "seen"
    program.write_text(f'#!/bin/sh\nprintf "%s" "$*" > {seen}\nexec {executable()} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("ISS_DATABASE_PROGRAM", str(program))
    database = Database(tmp_path / "folder", free_port())

    running = database.start()
    try:
        running.wait_until(database.ready)
        with client(database.url) as documents:
            documents.trial.papers.insert_one({"_id": 1})
    finally:
        running.stop()

    assert f"--port {database.port}" in seen.read_text()


@pytest.mark.parametrize("has_note", [True, False], ids=["noted", "of an earlier version"])
def test_a_storage_is_opened_only_by_the_program_that_created_it(
    *, has_note: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ISS_DATABASE_PROGRAM", raising=False)
    database = Database(tmp_path, free_port())
    running = database.start()
    running.wait_until(database.ready)
    running.stop()
    if not has_note:
        (tmp_path / "program").unlink()
    other = tmp_path / "other"
    other.symlink_to(executable())
    monkeypatch.setenv("ISS_DATABASE_PROGRAM", str(other))

    with pytest.raises(
        UserError, match="created by secantusd-py, not by other: set ISS_DATABASE_PROGRAM to that"
    ):
        database.start()

    monkeypatch.delenv("ISS_DATABASE_PROGRAM")
    again = database.start()
    again.wait_until(database.ready)
    again.stop()


@pytest.mark.parametrize("kind", ["missing", "a folder", "a text"])
def test_what_is_no_program_is_refused_by_the_name_of_its_variable(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "program"
    if kind == "a folder":
        program.mkdir()
    if kind == "a text":
        program.write_text("echo")
    monkeypatch.setenv("ISS_DATABASE_PROGRAM", str(program))

    with pytest.raises(
        UserError, match=f"ISS_DATABASE_PROGRAM is {program}, which is not an executable program"
    ):
        Database(tmp_path, free_port()).start()
