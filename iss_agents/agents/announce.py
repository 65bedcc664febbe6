"""Tell the world about each use, once."""

import logging
from typing import Any

import msgspec
from aiokafka import ConsumerRecord
from faust.types import EventT, StreamT

from iss_agents.agents.intake import decoded
from iss_agents.agents.lists import lists_of, run_list
from iss_agents.announcers.announce import Herald
from iss_agents.announcers.attempts import Pace
from iss_agents.announcers.chosen import chosen
from iss_agents.announcers.decision import Cooldown, Decision, cooldown_after
from iss_agents.application import app
from iss_agents.detection.events import REPLAYED, Urination, decode_event
from iss_agents.outputs import Output
from iss_agents.records import encode
from iss_agents.station_clock import milliseconds
from iss_agents.topics import DECISIONS, EVENTS
from tables.tweet_cooldowns import tweet_cooldowns

logger = logging.getLogger(__name__)

events_topic = app.topic(EVENTS.name, value_serializer="raw", partitions=EVENTS.partitions)


@app.agent(events_topic, name="announce")
async def announce(batches: StreamT[Any]) -> None:
    """Decide once on each use: post it, or say why not. One event is one list of records."""
    herald = new_herald()

    async def announce_list(event: EventT[Any]) -> None:
        for record in event.value:
            await announce_one(record, herald)

    async for event in lists_of(batches):
        await run_list(app, event, announce_list)


def new_herald() -> Herald:
    """Return what tells the world; say once whom that is."""
    named = chosen(app.parts.settings, app.parts.health)
    told = ", ".join(announcer.name for announcer in named)
    logger.info("Uses are told to %s", told or "nobody: without keys it is a dry run")
    return Herald(named, app.parts.health, Pace(sleep=app.pause))


async def announce_one(record: ConsumerRecord, herald: Herald) -> None:
    """Announce one event: post, record acknowledged, Table; the acknowledgement of the list comes last."""
    for event in await decoded(decode_event, [record], app.outputs):
        if not isinstance(event, Urination):
            continue
        replayed = any(name == REPLAYED for name, _ in record.headers)
        teller = Herald([], app.parts.health) if replayed else herald
        decision = await teller.announce(event, cooldown_of(event))
        if decision is None:
            continue
        await app.outputs.send(DECISIONS, 0, [decision_output(decision)])
        cooldown = None if replayed else cooldown_after(event, decision)
        if cooldown:
            tweet_cooldowns[event.source] = msgspec.to_builtins(cooldown)


def cooldown_of(event: Urination) -> Cooldown | None:
    """Return the cooldown that the last told event of this source began: a test silences no real event."""
    value = tweet_cooldowns.get(event.source)
    return msgspec.convert(value, Cooldown) if value else None


def decision_output(decision: Decision) -> Output:
    """Return the record of a decision."""
    return Output(decision.event_id.encode(), encode(decision), milliseconds(decision.decided_at))
