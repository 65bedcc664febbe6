"""Log configuration of a worker: one JSON object per line for machines, plain lines at a terminal."""

import logging
import sys
from typing import Any

from pythonjsonlogger.json import JsonFormatter

from iss_agents.config.settings import Settings
from iss_agents.runtime.log_throttle import LogThrottle
from iss_agents.runtime.redaction import redacted
from iss_agents.runtime.text_line import TextLine

QUIET = ("aiokafka", "aiohttp.access", "faust", "mode", "lightstreamer", "pymongo", "tweepy", "oauthlib")
"""Libraries of which only errors are logged: the health reports each of their states once."""


SILENT = ("aiohttp.server", "aiokafka.cluster")
"""Libraries whose errors are not faults: malformed requests, and topics that are being created."""

LIFECYCLE = "[^"
"""Prefix of mode's lines about the start and stop of services."""


class JsonLine(JsonFormatter):
    """One JSON object per line, without passwords."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; JSON itself escapes invisible characters."""
        return redacted(super().format(record))


def is_news(record: logging.LogRecord) -> bool:
    """Return whether a record is to be logged: mode logs every start and stop of a service at INFO."""
    return record.levelno > logging.INFO or not record.getMessage().startswith(LIFECYCLE)


def log_config(settings: Settings) -> dict[str, Any]:
    """Return the worker's `logging.config` dictionary."""
    style = settings.log or ("text" if sys.stdout.isatty() else "json")
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {
                "()": JsonLine,
                "fmt": "%(levelname)s %(name)s %(message)s",
                "rename_fields": {"levelname": "level", "name": "logger"},
                "timestamp": "time",
            },
            "text": {"()": TextLine, "fmt": "%(asctime)s %(levelname)-7s %(message)s", "datefmt": "%H:%M:%S"},
        },
        "filters": {"news": {"()": lambda: is_news}, "repeats": {"()": LogThrottle}},
        "handlers": {
            "stdout": {
                "class": "logging.StreamHandler",
                "stream": "ext://sys.stdout",
                "formatter": style,
                "filters": ["news", "repeats"],
            }
        },
        "loggers": {name: {"level": "ERROR"} for name in QUIET}
        | {name: {"level": "CRITICAL"} for name in SILENT},
        "root": {"level": settings.log_level, "handlers": ["stdout"]},
    }
