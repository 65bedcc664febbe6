"""Faust's worker process without its spinner."""

import logging
from typing import Any

import faust


class Worker(faust.Worker):
    """Logs as `log.py` says; Faust's spinner sets the root logger to DEBUG and writes control codes."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.spinner = None

    def on_setup_root_logger(self, logger: logging.Logger, level: int) -> None:
        """Leave the logger as it is configured."""
