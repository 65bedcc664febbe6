"""What a line of the log lets through of texts that are not ours, and of addresses."""

import json
import logging
from logging.config import dictConfig
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iss_agents.config.settings import Settings
from iss_agents.runtime.logs import log_config

ACTING = "\x1b]0;pwned\x1b\\\n12:00:00 INFO forged\r\x85\u2028\u202e\ud800\x7f"


def line(style: Literal["json", "text"], message: str, error: Exception | None = None) -> str:
    """Return what a worker writes of a warning with this message as its argument."""
    config: dict[str, Any] = log_config(Settings(_env_file=None, log=style))["formatters"][style]
    factory = config.pop("()")
    made: logging.Formatter = factory(**config)
    trace = (type(error), error, error.__traceback__) if error else None
    record = logging.LogRecord("ours", logging.WARNING, "here.py", 1, "the feed says %s", (message,), trace)
    return made.format(record)


@settings(deadline=None)
@given(st.text(st.characters(codec=None), max_size=50))
def test_a_message_is_one_line_in_which_nothing_acts(text: str) -> None:
    assert line("text", text).isprintable()
    assert json.loads(line("json", text))["message"] == f"the feed says {text}"
    assert line("json", text).isascii()


def test_a_trace_has_lines_of_its_own_and_the_error_has_none() -> None:
    with pytest.raises(ValueError, match="pwned") as failure:
        raise ValueError(ACTING)
    first, *trace = line("text", "it broke", failure.value).split("\n")

    assert first.endswith("the feed says it broke")
    assert trace[0] == "Traceback (most recent call last):"
    assert "ValueError: \\x1b]0;pwned\\x1b\\\\n12:00:00" in trace[-1] or "\\x1b]0;pwned" in trace[-2]
    assert all(each.isprintable() for each in trace)


@pytest.mark.parametrize("style", ["json", "text"])
def test_no_line_has_a_password(style: Literal["json", "text"]) -> None:
    error = OSError("cannot connect to https://user:hunter2@feed.example/")

    written = line(style, "mongodb://iss:hunter2@db/?w=1 is away", error)

    assert "hunter2" not in written
    assert "mongodb://iss:***@db/?w=1 is away" in written
    assert "https://user:***@feed.example/" in written


@pytest.mark.parametrize("style", ["json", "text"])
def test_the_configuration_is_taken_by_logging(style: Literal["json", "text"]) -> None:
    config = log_config(Settings(_env_file=None, log=style))
    dictConfig({**config, "root": {}, "loggers": {"ours": {**config["root"], "propagate": False}}})
    (handler,) = logging.getLogger("ours").handlers

    assert handler.format(logging.makeLogRecord({"msg": "here"})).startswith("{") == (style == "json")
