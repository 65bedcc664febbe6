"""A whole run with real Kafka and database and a stand-in for the worker: how it starts, ends and fails."""

import io
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from threading import Timer

import pytest
from rich.console import Console

from iss_agents.embedded.jars import jar_folder
from iss_agents.embedded.machine import Plan
from iss_agents.embedded.place import accepts, free_port, only_user_of
from iss_agents.embedded.run import run
from iss_agents.embedded.screen import Screen
from iss_agents.errors import UserError
from iss_agents.settings import load_settings
from tests.embedded import stand_in


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return plan_for(tmp_path)


def plan_for(folder: Path, *arguments: str) -> Plan:
    return Plan(
        folder=folder,
        jar_folder=jar_folder(load_settings().home),
        kafka_port=free_port(),
        database_port=free_port(),
        web_port=free_port(),
        feed_url="http://127.0.0.1:1",
        worker=(sys.executable, stand_in.__file__, *arguments),
    )


def quiet() -> Screen:
    return Screen(Console(file=io.StringIO()))


def open_ports(plan: Plan) -> list[int]:
    return [port for port in (plan.kafka_port, plan.database_port, plan.web_port) if accepts(port)]


def test_a_run_ends_by_itself_with_everything_accounted_for(plan: Plan) -> None:
    screen = io.StringIO()

    result = run(plan, Screen(Console(file=screen)), seconds=1)

    assert (result.received, result.archived, result.duplicates, result.invalid) == (10, 9, 1, 0)
    assert result.complete
    assert open_ports(plan) == []
    assert "Kafka answers after" in screen.getvalue()
    assert f"page http://127.0.0.1:{plan.web_port}/" in screen.getvalue()


def test_a_run_that_is_interrupted_drains_and_stops_everything(plan: Plan) -> None:
    screen = io.StringIO()

    def interrupt() -> None:
        if "updates/s" in screen.getvalue():
            os.kill(os.getpid(), signal.SIGTERM)
        else:
            Timer(0.1, interrupt).start()

    interrupt()

    result = run(plan, Screen(Console(file=screen)), seconds=None)

    assert result.complete
    assert open_ports(plan) == []
    assert "Stopping: the feed ends" in screen.getvalue()


def test_a_run_that_is_interrupted_while_it_starts_stops_everything(plan: Plan) -> None:
    def interrupt() -> None:
        if accepts(plan.database_port):
            os.kill(os.getpid(), signal.SIGINT)
        else:
            Timer(0.05, interrupt).start()

    interrupt()

    with pytest.raises(KeyboardInterrupt):
        run(replace(plan, worker=(sys.executable, "-c", "import time; time.sleep(60)")), quiet(), seconds=None)

    assert open_ports(plan) == []


def test_a_part_that_crashes_is_named_and_the_others_are_stopped(tmp_path: Path) -> None:
    plan = plan_for(tmp_path, "crash")

    with pytest.raises(UserError) as failure:
        run(plan, quiet(), seconds=None)

    assert str(failure.value).startswith(
        f"The worker has ended (exit code 3); the end of {tmp_path}/worker.log:"
    )
    assert "out of order" in str(failure.value)
    assert open_ports(plan) == []


def test_a_second_run_in_the_same_folder_is_refused(plan: Plan) -> None:
    with only_user_of(plan.folder), pytest.raises(UserError, match="is in use by another iss-agents"):
        run(plan, quiet(), seconds=None)

    assert open_ports(plan) == []
