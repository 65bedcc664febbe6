"""Kafka Streams runner: Kafka Streams does the work of `keep_last_seen`, on the broker's Java runtime."""

import json
import os
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

from iss_agents.config.settings import load_settings
from iss_agents.local_stack import jars
from iss_agents.local_stack.kafka import java
from iss_agents.local_stack.ports import make_folder
from iss_agents.telemetry.topics import RAW
from iss_agents.tools.bench.contender import Contender, output_of
from iss_agents.tools.bench.cost import WARM

SOURCE = Path(__file__).with_name("KeepLastSeen.java")
NAME = "Kafka Streams"

LOCK = files("iss_agents.tools.bench").joinpath("kafka_streams.lock")
"""What it needs beside the broker's jars; not RocksDB (71 MB): behind the cache, memory costs the same."""

COMPILER = ("org.eclipse.jdt.internal.compiler.batch.Main", "-17", "-nowarn")
"""Eclipse's, because the runtime has none; for Java 17, which the broker needs at least."""


async def run_kafka_streams(kafka: str, count: int) -> dict[str, float]:
    """Return the cost of `count` readings in Kafka Streams.

    Raises:
        UserError: there is no Java runtime, no network for the jars, or it failed.
    """
    with TemporaryDirectory() as folder:
        run = (java(), "-cp", os.pathsep.join((folder, *map(str, _jars()))))
        await output_of(NAME, *run, *COMPILER, "-d", folder, str(SOURCE))
        arguments = (kafka, RAW.name, str(count), str(WARM), folder)
        figures: dict[str, float] = json.loads(await output_of(NAME, *run, SOURCE.stem, *arguments))
        return figures


def _jars() -> list[Path]:
    needed = [*jars.locked_jars(jars.LOCK), *jars.locked_jars(LOCK)]
    folder = make_folder(jars.jar_folder(load_settings().home))
    return jars.fetch(needed, folder, lambda _count, _total: None)


KAFKA_STREAMS = Contender(NAME, "whose jars come from Maven Central", run_kafka_streams)
