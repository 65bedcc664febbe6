"""How a worker logs: one JSON object a line for machines, one plain line for people at a terminal."""

import logging
import sys
from typing import Any

from iss_agents.log_repeats import Repeats
from iss_agents.settings import Settings

QUIET = ("aiokafka", "aiohttp.access", "faust", "mode", "lightstreamer", "pymongo", "tweepy", "oauthlib")
"""Libraries of which only errors are of use: each of their states is a health part of ours, said once."""


SILENT = ("aiohttp.server", "aiokafka.cluster")
"""Libraries whose errors are none of ours: malformed requests, and topics that are just being created."""

LIFECYCLE = "[^"
"""How mode begins the lines that say which of its services starts and stops."""


def is_news(record: logging.LogRecord) -> bool:
    """Whether a record is worth a line: mode says every start and stop of every service at INFO."""
    return record.levelno > logging.INFO or not record.getMessage().startswith(LIFECYCLE)


def log_config(settings: Settings) -> dict[str, Any]:
    """Return the worker's `logging.config` dictionary."""
    style = settings.log or ("text" if sys.stdout.isatty() else "json")
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {
                "()": "pythonjsonlogger.json.JsonFormatter",
                "fmt": "%(levelname)s %(name)s %(message)s",
                "rename_fields": {"levelname": "level", "name": "logger"},
                "timestamp": "time",
            },
            "text": {"format": "%(asctime)s %(levelname)-7s %(message)s", "datefmt": "%H:%M:%S"},
        },
        "filters": {"news": {"()": lambda: is_news}, "repeats": {"()": Repeats}},
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
