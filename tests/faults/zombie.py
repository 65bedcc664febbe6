"""A worker with short sessions that stands still (SIGSTOP) at the point of a list that a file orders."""

import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from aiokafka.conn import AIOKafkaConnection
from aiokafka.protocol.produce import ProduceRequest

from iss_agents.application import app
from iss_agents.streaming import outputs
from iss_agents.streaming.consumer import BatchConsumer
from iss_agents.streaming.outputs import Outputs
from iss_agents.streaming.tables import NewestTable
from iss_agents.watchdogs.suspension import SuspensionFence

SESSION_SECONDS, HEARTBEAT_SECONDS = 3.0, 0.5
ORDER = Path(os.environ["ZOMBIE_ORDER"])

Call = Callable[..., Any]


def stand_still(point: str, topic: str) -> None:
    """Do so if this is the point that is ordered; the order is carried out once."""
    if ORDER.exists() and ORDER.read_text(encoding="ascii") == f"{point} {topic}":
        ORDER.unlink()
        os.kill(os.getpid(), signal.SIGSTOP)


def halting(whole: Call, before: str, after: str, topic_of: Call) -> Callable[..., Awaitable[Any]]:
    """Return a coroutine function that may stand still before and after it does what `whole` does."""

    async def call(*arguments: Any, **options: Any) -> Any:
        stand_still(before, topic_of(*arguments).name)
        result = await whole(*arguments, **options)
        stand_still(after, topic_of(*arguments).name)
        return result

    return call


def halting_request(whole: Call) -> Call:
    """Return the method of a connection that may stand still before and after it writes to the socket."""

    def send(connection: AIOKafkaConnection, request: Any, *arguments: Any, **options: Any) -> Any:
        topics = [topic for topic, _ in request._topics] if isinstance(request, ProduceRequest) else []
        for topic in topics:
            stand_still("queued", topic)
        answer = whole(connection, request, *arguments, **options)
        for topic in topics:
            stand_still("sent", topic)
        return answer

    return send


def halting_ack(whole: Call) -> Call:
    """Return the method of the consumer that may stand still when a list is acknowledged and not committed."""

    def ack(consumer: BatchConsumer, message: Any) -> Any:
        result = whole(consumer, message)
        stand_still("done", message.topic)
        return result

    return ack


def install() -> None:
    """Let the worker's parts stand still, and shorten its sessions."""
    parts: Any = (outputs, Outputs, NewestTable, BatchConsumer, AIOKafkaConnection)
    module, sender, table, consumer, connection = parts
    sender.send = halting(sender.send, "begun", "acknowledged", lambda _self, topic, *_: topic)
    module._acknowledged = halting(
        module._acknowledged, "checked", "answered", lambda _producer, _batch, topic, _: topic
    )
    table.write = halting(table.write, "unwritten", "written", lambda self, *_: self.topic)
    consumer.ack = halting_ack(consumer.ack)
    connection.send = halting_request(connection.send)
    app.conf.broker_session_timeout = SESSION_SECONDS
    app.conf.broker_heartbeat_interval = HEARTBEAT_SECONDS
    app.fence = SuspensionFence(SESSION_SECONDS - HEARTBEAT_SECONDS)
    app.outputs._check = app.fence.check


install()
