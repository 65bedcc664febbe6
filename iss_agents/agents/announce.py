"""Agent `announce`: posts each use of the toilet, once."""

import logging
from typing import Any

import msgspec
from aiokafka import ConsumerRecord
from faust.types import EventT, StreamT

from iss_agents.announcers.decision import Cooldown, Decision, cooldown_after
from iss_agents.announcers.dispatcher import Dispatcher, announcers_from
from iss_agents.announcers.retry import RetryTiming
from iss_agents.application import app
from iss_agents.detection.events import REPLAYED, Urination, decode_event
from iss_agents.streaming.batches import batches_of, run_batch
from iss_agents.streaming.decoding import decoded
from iss_agents.streaming.outputs import Output
from iss_agents.telemetry.records import encode
from iss_agents.telemetry.station_clock import milliseconds
from iss_agents.telemetry.topics import DECISIONS, EVENTS
from tables.tweet_cooldowns import tweet_cooldowns

logger = logging.getLogger(__name__)

events_topic = app.topic(EVENTS.name, value_serializer="raw", partitions=EVENTS.partitions)


@app.agent(events_topic, name="announce")
async def announce(batches: StreamT[Any]) -> None:
    """Decide once on each use: post it, or record why not. One event is one batch of records."""
    dispatcher = new_dispatcher()

    async def announce_batch(event: EventT[Any]) -> None:
        for record in event.value:
            await announce_one(record, dispatcher)

    async for event in batches_of(batches):
        await run_batch(app, event, announce_batch)


def new_dispatcher() -> Dispatcher:
    """Return the dispatcher of the configured announcers; log once which they are."""
    named = announcers_from(app.settings, app.health)
    names = ", ".join(announcer.name for announcer in named)
    logger.info("Uses are posted to %s", names or "nobody: without keys it is a dry run")
    return Dispatcher(named, app.health, RetryTiming(sleep=app.pause))


async def announce_one(record: ConsumerRecord, dispatcher: Dispatcher) -> None:
    """Announce one event: the post, its decision on Kafka, the Table; the batch is acknowledged last."""
    for event in await decoded(decode_event, [record], app.outputs):
        if not isinstance(event, Urination):
            continue
        replayed = any(name == REPLAYED for name, _ in record.headers)
        chosen = Dispatcher([], app.health) if replayed else dispatcher
        decision = await chosen.announce(event, cooldown_of(event))
        if decision is None:
            continue
        await app.outputs.send(DECISIONS, 0, [decision_output(decision)])
        cooldown = None if replayed else cooldown_after(event, decision)
        if cooldown:
            await tweet_cooldowns.write({event.source: msgspec.to_builtins(cooldown)}, after=record)


def cooldown_of(event: Urination) -> Cooldown | None:
    """Return the cooldown of the last posted event of this source: a test does not suppress a real event."""
    value = tweet_cooldowns.get(event.source)
    return msgspec.convert(value, Cooldown) if value else None


def decision_output(decision: Decision) -> Output:
    """Return the record of a decision."""
    return Output(decision.event_id.encode(), encode(decision), milliseconds(decision.decided_at))
