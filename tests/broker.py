"""Broker that the tests run against: `TEST_BROKER=noida uv run pytest tests/kafka`, or `kafka-4.4`.

A test that needs Apache Kafka starts it whatever was chosen.
"""

import os
from importlib.resources import files
from pathlib import Path

import pytest

from iss_agents.local_stack import jars
from iss_agents.local_stack.kafka import Kafka
from iss_agents.local_stack.ports import free_port, make_folder
from iss_agents.local_stack.process import Program


class Noida(Kafka):
    """Broker that speaks Kafka's protocol and shares no code with Apache's."""

    def start(self, jar_folder: Path, progress: jars.Progress = lambda _count, _total: None) -> Program:  # noqa: ARG002 - it has no jars
        """Start the broker; it is not `ready` yet."""
        make_folder(self._folder)
        where = ["--only", "kafka", "--kafka-port", str(self.port), "--data-dir", str(self._data)]
        self.program = Program("noida-db", [_noida_program(), "start", *where], self._folder / "noida.log")
        self.program.start()
        return self.program


def _noida_program() -> str:
    # The script on PATH runs this as a child, which would outlive a signal to its parent.
    return str(files("noida_db").joinpath("noida-db"))


CHOICES = ("kafka-4.1", "kafka-4.4", "noida")
CHOICE = os.environ.get("TEST_BROKER", CHOICES[0])


def choose_broker() -> None:
    """Let everything that starts Apache Kafka in this process start the chosen version."""
    if CHOICE not in CHOICES:
        raise pytest.UsageError(f"TEST_BROKER is {CHOICE!r}, expected one of {', '.join(CHOICES)}.")
    if CHOICE == "kafka-4.4":
        jars.KAFKA = "org.apache.kafka:kafka_2.13:4.4.0"
        jars.LOCK = Path(__file__).parent / "fixtures" / "kafka-4.4.lock"


def new_broker(folder: Path) -> Kafka:
    """Return the chosen broker on a free port, not started, which keeps its files in `folder`."""
    return (Noida if CHOICE == "noida" else Kafka)(folder, free_port())
