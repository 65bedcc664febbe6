"""How an agent runs one list: all of it is done, or it comes again."""

import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from faust.types import EventT, StreamT

from iss_agents.application import Application
from iss_agents.giving_up import give_up
from iss_agents.metrics import LIST_RECORDS
from iss_agents.transport.consumer import FlowStopped

logger = logging.getLogger(__name__)

Work = Callable[[EventT[Any]], Coroutine[Any, Any, None]]


def lists_of(batches: StreamT[Any]) -> AsyncIterator[EventT[Any]]:
    """Yield the lists of an agent's stream, which `run_list` acknowledges.

    Faust would acknowledge a list whose agent is cancelled in its midst: that would be its loss.
    """
    stream: Any = batches  # `noack` is missing in StreamT
    events: AsyncIterator[EventT[Any]] = stream.noack().events()
    return events


async def run_list(app: Application, event: EventT[Any], work: Work) -> None:
    """Do `work` on one list and acknowledge it.

    A list that waits when partitions move is given up and comes again; so is one that would begin then. What
    fails otherwise ends the process, for nothing behind it may be done before it.
    """
    try:
        app.guard.check()
        app.lists.require_flow()
        LIST_RECORDS.labels(event.message.topic).observe(len(event.value))
        await work(event)
    except FlowStopped:
        app.lists.abandon(event.message)
    except Exception as error:
        message = event.message
        logger.critical("A list was not finished", exc_info=error)
        give_up("%s %s up to offset %s cannot be finished", message.topic, message.partition, message.offset)
    event.ack()
