"""End the process at once, unacknowledged: what must be done when going on would lose data."""

import logging
import os
from typing import NoReturn

logger = logging.getLogger(__name__)

EXIT_CODE = 75
"""EX_TEMPFAIL: a supervisor starts the worker again."""


def give_up(reason: str, *details: object) -> NoReturn:
    """End the process without acknowledging or committing anything more."""
    logger.critical("%s; the worker ends so that nothing is lost", reason % details)
    logging.shutdown()
    os._exit(EXIT_CODE)
