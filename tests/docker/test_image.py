"""The built image, and compose.yaml's services that run it, beside Kafka and a database with TLS and users.

What of the file is not tried is in `composed.LEFT_OUT`.
"""

import asyncio
import json
import os
import re
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import NamedTuple
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from iss_agents.local_stack.ports import accepts, free_port
from iss_agents.local_stack.process import Program
from tests.docker.composed import (
    container_of,
    environment_of,
    grace_of,
    remove,
    run_once,
    start,
    stop,
)
from tests.docker.engine import IMAGE, Engine, built
from tests.secure.broker import OPERATOR_PASSWORD, PASSWORD, SecureKafka
from tests.secure.database import SecureDatabase
from tests.secure.rights import grant_least_rights
from tests.waiting import until

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

CANARY = "left-behind.invalid"
"""Host in the environment of the build, as that of a registry would be."""

INGEST_TOKEN = "ingest"
CABIN = "USLAB000058"
START_SECONDS = 120.0
SERVICES = ("feed", "worker")

GIVEN = {
    "KAFKA_PASSWORD": PASSWORD,
    "KAFKA_OPERATOR_PASSWORD": OPERATOR_PASSWORD,
    "MONGO_PASSWORD": "right",
}
"""What .env says."""


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """What runs containers of the built image."""
    proxied = ",".join(filter(None, [os.environ.get("NO_PROXY"), CANARY]))
    with built(NO_PROXY=proxied, UV_INDEX_OWN_PASSWORD=CANARY) as own:
        yield own


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureKafka]:
    with SecureKafka.running(tmp_path_factory.mktemp("kafka")) as own:
        yield own


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureDatabase]:
    with SecureDatabase.running(tmp_path_factory.mktemp("database")) as own:
        yield own


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a simulated station."""
    port = free_port()
    command = [str(Path(sysconfig.get_path("scripts")) / "iss-agents"), "simulate", "--port", str(port)]
    program = Program("The station", command, tmp_path_factory.mktemp("station") / "log")
    program.start()
    program.wait_until(lambda: accepts(port))
    yield f"http://127.0.0.1:{port}"
    program.stop()


@pytest.fixture(scope="module")
def certificates(
    kafka: SecureKafka, database: SecureDatabase, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """What Compose's volume `ca` has: one file with the CAs of Kafka and of the database."""
    folder = tmp_path_factory.mktemp("ca")
    folder.chmod(0o755)
    authorities = (kafka.ca_file, database.folder / "ca.pem")
    (folder / "ca.pem").write_text("".join(each.read_text() for each in authorities))
    return folder


class System(NamedTuple):
    """The running services, and the port of each."""

    engine: Engine
    ports: dict[str, int]

    def ask(self, service: str, *words: str) -> str:
        """Run a command inside a service, and return what it prints."""
        return self.engine("exec", container_of(service), *words)

    def status(self, service: str, path: str) -> int:
        """Return how a service answers, 0 if it does not."""
        try:
            with urlopen(f"http://127.0.0.1:{self.ports[service]}{path}", timeout=10) as answer:
                return int(answer.status)
        except HTTPError as error:
            with error:
                return error.code
        except OSError:
            return 0

    def archived(self) -> list[str]:
        """Return the ids of the test readings in the archive, oldest first."""
        query = f"/api/v1/telemetry?item={CABIN}&source=test"
        with urlopen(f"http://127.0.0.1:{self.ports['worker']}{query}", timeout=30) as answer:
            return [str(reading["event_id"]) for reading in json.load(answer)["readings"]]

    def ingest(self, service: str, value: str) -> str:
        """Send a test reading to a service, and return its id."""
        headers = {"Authorization": f"Bearer {INGEST_TOKEN}", "Content-Type": "application/json"}
        body = json.dumps({"item_id": CABIN, "value": value}).encode()
        address = f"http://127.0.0.1:{self.ports[service]}/api/v1/ingest/test"
        with urlopen(Request(address, body, headers), timeout=30) as answer:
            return str(json.load(answer)["event_id"])

    async def until_well(self, service: str) -> None:
        """Wait until a service says of itself that all is well, and its health check, too."""
        try:
            await until(lambda: self.status(service, "/healthz") == 200, START_SECONDS)
            await until(lambda: self.engine.healthy(container_of(service)), START_SECONDS)
        except TimeoutError as error:
            log = self.engine.attempt("logs", "--tail", "40", container_of(service))
            error.add_note(f"The end of the log of {service}:\n{log.stdout}{log.stderr}")
            raise


@pytest.fixture(scope="module")
def system(
    engine: Engine, kafka: SecureKafka, database: SecureDatabase, station: str, certificates: Path
) -> Iterator[System]:
    """The services `topics`, which ends, `feed` and `worker`."""
    elsewhere = {"ISS_KAFKA_URL": kafka.secure_url}
    run_once(engine, "topics", environment_of("topics", GIVEN) | elsewhere, certificates)
    asyncio.run(grant_least_rights(kafka.url))
    started = System(engine, {service: free_port() for service in SERVICES})
    try:
        for service, port in started.ports.items():
            own = environment_of(service, GIVEN)
            place = f"@127.0.0.1:{database.port}/?directConnection=true&"
            own["ISS_MONGO_URL"] = own["ISS_MONGO_URL"].replace("@mongo/?", place)
            told = {"ISS_FEED_URL": station, "ISS_SOURCE": "simulated", "ISS_INGEST_TOKEN": INGEST_TOKEN}
            bound = {"ISS_WEB_HOST": "127.0.0.1", "ISS_WEB_PORT": str(port)}
            start(engine, service, own | elsewhere | told | bound, certificates)
        yield started
    finally:
        for service in SERVICES:
            remove(engine, service)


def test_the_image_has_nothing_of_the_machine_that_built_it(engine: Engine) -> None:
    everywhere = "/ -xdev -not -path '/proc/*' -not -path '/sys/*' -not -path '/dev/*'"
    names = ("uv.toml", "pip.conf", ".netrc", "uv")
    settings = [f"-name {name} -type f" for name in names] + ["-path /etc/apt/apt.conf.d/99mmdebstrap"]
    find = f"find {everywhere} \\( {' -o '.join(settings)} \\)"
    grep = f"find {everywhere} -type f -exec grep --files-with-matches --fixed-strings {CANARY} {{}} +"
    as_root = ["run", "--rm", "--user=0", "--network=none", *engine.run_options, IMAGE, "sh", "-c"]

    assert engine(*as_root, f"{find}; {grep} || true") == ""
    assert CANARY not in engine("inspect", IMAGE)
    assert CANARY not in engine("history", "--no-trunc", IMAGE)


async def test_the_services_are_well_and_a_reading_arrives(system: System) -> None:
    for service in SERVICES:
        await system.until_well(service)

    event_id = system.ingest("worker", "745.2")

    await until(lambda: event_id in system.archived())


def test_a_worker_is_an_ordinary_user_without_rights(system: System) -> None:
    for service in SERVICES:
        status = system.ask(service, "cat", "/proc/1/status", "/proc/self/status")

        assert set(re.findall(r"^[UG]id:\t(.*)", status, re.MULTILINE)) == {"\t".join(["10001"] * 4)}
        assert set(re.findall(r"^Cap(?:Prm|Eff|Bnd):\t(.*)", status, re.MULTILINE)) == {"0" * 16}
        assert set(re.findall(r"^NoNewPrivs:\t(.*)", status, re.MULTILINE)) == {"1"}


def test_a_worker_writes_to_nothing_but_its_volume_and_its_tmp(system: System) -> None:
    refused = system.engine.attempt("exec", container_of("worker"), "touch", "/app/.venv/written")
    # What is in /proc and /sys is the kernel's.
    kernel = "\\( -path /proc -o -path /sys \\) -prune"
    find = f"find / {kernel} -o -type d -writable -print 2>/dev/null || true"

    written = system.ask("worker", "sh", "-c", find).split()

    assert refused.returncode != 0
    assert "Read-only file system" in refused.stderr
    # Every container has its own two in /dev, and they are kept in memory.
    assert {"/data", "/tmp"} <= set(written)
    assert [each for each in written if not each.startswith(("/data", "/tmp", "/dev/shm", "/dev/mqueue"))] == []


def test_a_worker_sees_its_own_secrets_and_no_others(system: System) -> None:
    for service in SERVICES:
        seen = system.ask(service, "sh", "-c", "cat /proc/[0-9]*/environ; grep -r . /data /tmp || true")

        assert GIVEN["KAFKA_PASSWORD"] in seen
        assert GIVEN["KAFKA_OPERATOR_PASSWORD"] not in seen
        assert system.ask(service, "ls", "/certificates") == "ca.pem\n"


async def test_a_worker_that_is_started_again_continues_where_it_stopped(system: System) -> None:
    for service in SERVICES:
        # It may run: then this changes nothing.
        system.engine("start", container_of(service))
        await system.until_well(service)
    before = system.archived()

    began = monotonic()
    code = stop(system.engine, "worker")
    lasted = monotonic() - began
    meanwhile = system.ingest("feed", "746.1")
    system.engine("start", container_of("worker"))
    await system.until_well("worker")
    await until(lambda: system.archived() == [*before, meanwhile])

    assert code == 0
    assert lasted < grace_of("worker")
    system.ask("worker", "iss-agents", "verify", "--from", "-1h")
    assert stop(system.engine, "feed") == 0
