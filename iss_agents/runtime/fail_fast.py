"""Fail fast: end the process immediately, without acknowledging, when continuing would lose data."""

import logging
import os
from typing import NoReturn

logger = logging.getLogger(__name__)

EXIT_CODE = 75
"""EX_TEMPFAIL: a supervisor restarts the worker."""


def fail_fast(reason: str, *details: object) -> NoReturn:
    """End the process without any further acknowledgement or commit."""
    logger.critical("%s; the worker ends so that nothing is lost", reason % details)
    end_process(EXIT_CODE)


def end_process(exit_code: int) -> NoReturn:
    """End the process immediately, whatever its threads do; only the log is flushed."""
    logging.shutdown()
    os._exit(exit_code)
