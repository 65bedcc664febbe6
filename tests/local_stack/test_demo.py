"""The one command, as a stranger types it: everything is real but the station."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from aiohttp import ClientConnectionError, ClientSession

from iss_agents.config.settings import load_settings
from iss_agents.local_stack.jars import jar_folder
from iss_agents.local_stack.ports import accepts, free_port
from iss_agents.local_stack.worker_metrics import Samples
from tests.waiting import until


class Demo:
    """`iss-agents demo` on ports and in a home of its own; the jars are those of the settings' home."""

    def __init__(self, home: Path) -> None:
        kept = jar_folder(load_settings().home)
        (home / kept.name).symlink_to(kept)
        self.folder = home / "demo"
        self.ports = {name: free_port() for name in ("kafka", "mongo", "station", "web")}
        self._environment = os.environ | {"ISS_HOME": str(home), "ISS_WEB_PORT": str(self.ports["web"])}

    @property
    def open_ports(self) -> list[str]:
        """The parts that still answer."""
        return [name for name, port in self.ports.items() if accepts(port)]

    async def has_archived(self) -> bool:
        """Whether readings flow into the archive."""
        try:
            async with (
                ClientSession() as http,
                http.get(f"http://127.0.0.1:{self.ports['web']}/metrics") as answer,
            ):
                return Samples(await answer.text()).total("iss_archive_documents_total") > 0
        except ClientConnectionError:
            return False

    @contextmanager
    def process(self, *options: str) -> Iterator[subprocess.Popen[str]]:
        """Run the command; whatever is left at the end is killed."""
        ports = [f"--{name}-port={self.ports[name]}" for name in ("kafka", "mongo", "station")]
        command = [sys.executable, "-m", "iss_agents.cli.main", "demo", *ports, *options]
        with subprocess.Popen(
            command, env=self._environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def run(self, *options: str) -> tuple[int, str, str]:
        """Run the command to its end and return exit code, stdout, stderr."""
        with self.process(*options) as process:
            output, errors = process.communicate(timeout=110)
            return process.returncode, output, errors


@pytest.fixture
def demo(tmp_path: Path, kafka_url: str) -> Demo:  # noqa: ARG001 - the jars are here then
    return Demo(tmp_path)


@pytest.mark.long
def test_a_demo_accounts_for_everything_and_the_next_one_continues(demo: Demo) -> None:
    code, output, errors = demo.run("--seconds", "5", "--json")
    first = json.loads(output)

    assert code == 0, errors
    assert first["received"] == first["archived"] + first["duplicates"] + first["invalid"]
    assert first["archived"] > 100
    assert demo.open_ports == []

    code, output, errors = demo.run("--seconds", "5", "--json")
    second = json.loads(output)

    assert code == 0, errors
    assert second["items"] >= first["items"]


@pytest.mark.long
async def test_a_demo_that_is_killed_leaves_nothing_running_and_the_next_one_finishes_its_work(
    demo: Demo,
) -> None:
    with demo.process() as process:
        await until(lambda: "web" in demo.open_ports)
        process.send_signal(signal.SIGKILL)
        await until(lambda: demo.open_ports == [])

    code, output, errors = demo.run("--seconds", "3", "--json")

    assert code == 0, errors
    assert json.loads(output)["archived"] > 0


@pytest.mark.long
def test_a_storage_that_cannot_be_opened_is_kept_and_filled_again_from_kafka(demo: Demo) -> None:
    code, output, errors = demo.run("--seconds", "5", "--json")
    assert code == 0, errors
    first = json.loads(output)
    (demo.folder / "database" / "data" / "WiredTiger.wt").write_bytes(b"torn")

    code, output, errors = demo.run("--seconds", "3", "--json")
    second = json.loads(output)

    assert code == 0, errors
    [kept] = (demo.folder / "database").glob("data.broken-*")
    assert f"The database could not open its storage: that is kept as {kept}, and a fresh one" in errors
    assert second["resumed"] == first["published"]
    assert second["archived"] > first["archived"]


@pytest.mark.long
async def test_a_demo_whose_kafka_stalls_accounts_for_what_was_sent_and_read_again(demo: Demo) -> None:
    with demo.process("--seconds", "45", "--json") as process:
        await until(demo.has_archived)  # from now on a commit is under way at any time
        kafka = child(process.pid, "java")
        os.kill(kafka, signal.SIGSTOP)
        await asyncio.sleep(36)  # longer than any request to Kafka is waited for
        os.kill(kafka, signal.SIGCONT)
        output, errors = await asyncio.to_thread(process.communicate)
    result = json.loads(output)

    assert process.returncode == 0, errors
    assert result["received"] == result["archived"] + result["duplicates"] + result["invalid"]
    assert result["resent"] + result["reread"] > 0


def child(parent: int, name: str) -> int:
    """Return the process id of the one child of `parent` whose program is `name`."""
    return int(subprocess.check_output(["pgrep", "-P", str(parent), name]))


def test_a_taken_port_is_one_sentence(demo: Demo) -> None:
    with socket.create_server(("127.0.0.1", demo.ports["station"])):
        code, output, errors = demo.run()

    assert (code, output) == (1, "")
    assert errors == (
        f"iss-agents: Port {demo.ports['station']} for the simulated station (--station-port) is taken: "
        "stop the program that uses it, or choose another port.\n"
    )
    assert demo.open_ports == []
