"""How an agent runs one list: all of it is done, or it comes again."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from faust.types import EventT

from iss_agents.application import Application
from iss_agents.giving_up import give_up
from iss_agents.metrics import LIST_RECORDS
from iss_agents.transport import FlowStopped

logger = logging.getLogger(__name__)


@contextmanager
def one_list(app: Application, event: EventT[Any]) -> Iterator[None]:
    """Run the body for one list.

    Faust acknowledges a list whose agent raised, and goes on with the next one: that would be its loss. So the
    process ends instead. A list that had to wait when partitions moved is given up and comes again.
    """
    app.guard.check()
    LIST_RECORDS.labels(event.message.topic).observe(len(event.value))
    try:
        yield
    except FlowStopped:
        app.lists.abandon(event.message)
    except Exception as error:
        message = event.message
        logger.critical("A list was not finished", exc_info=error)
        give_up("%s %s up to offset %s cannot be finished", message.topic, message.partition, message.offset)
