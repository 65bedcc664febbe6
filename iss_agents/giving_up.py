"""End the process at once, unacknowledged: what must be done when going on would lose data.

Faust acknowledges a list whose agent raised, and goes on with the next one. So nothing may be raised.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

logger = logging.getLogger(__name__)

EXIT_CODE = 75
"""EX_TEMPFAIL: a supervisor starts the worker again."""


def give_up(reason: str, *details: object) -> NoReturn:
    """End the process without acknowledging or committing anything more."""
    logger.critical("%s; the worker ends so that nothing is lost", reason % details)
    logging.shutdown()
    os._exit(EXIT_CODE)


@contextmanager
def whole_or_not_at_all(agent: str) -> Iterator[None]:
    """Run one list of an agent: either all of it is done, or the process ends and the list comes again."""
    try:
        yield
    except Exception as error:
        logger.critical("%s failed", agent, exc_info=error)
        give_up("%s cannot finish a list", agent)
