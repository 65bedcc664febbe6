"""What is said again and again fills no log, and what is said once is never lost."""

import io
import logging
from logging.config import dictConfig
from typing import Any

import msgspec
import pytest

from iss_agents.config.settings import Settings
from iss_agents.runtime import log_throttle
from iss_agents.runtime.log_throttle import BURST_LINES, LogThrottle
from iss_agents.runtime.logs import log_config


class Clock:
    """Time that a test moves, in seconds."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def record(number: int, line: int = 1, about: dict[str, str] | None = None) -> logging.LogRecord:
    made = logging.LogRecord("name", logging.WARNING, "file.py", line, "trouble %s", (number,), None)
    vars(made).update(about or {})
    return made


def let_through(repeats: LogThrottle, records: list[logging.LogRecord]) -> list[str]:
    return [one.getMessage() for one in records if repeats.filter(one)]


def test_the_first_are_told_and_the_rest_counted_once_a_minute() -> None:
    clock = Clock()
    repeats = LogThrottle(clock)
    many = [record(number) for number in range(100)]

    assert let_through(repeats, many) == [f"trouble {number}" for number in range(BURST_LINES)]
    clock.now += 60
    assert let_through(repeats, many) == [f"trouble 0 (and {100 - BURST_LINES} more like it)"]
    clock.now += 60
    assert let_through(repeats, [record(7)]) == ["trouble 7 (and 99 more like it)"]


def test_a_burst_of_one_passes_once_a_minute() -> None:
    clock = Clock()
    repeats = LogThrottle(clock, burst=1)

    assert let_through(repeats, [record(1), record(2), record(3)]) == ["trouble 1"]
    clock.now += 60
    assert let_through(repeats, [record(4), record(5)]) == ["trouble 4 (and 2 more like it)"]


def test_what_was_silent_for_a_minute_is_told_as_before() -> None:
    clock = Clock()
    repeats = LogThrottle(clock)
    let_through(repeats, [record(0)])
    clock.now += 60

    assert len(let_through(repeats, [record(number) for number in range(100)])) == BURST_LINES


@pytest.mark.parametrize("name", ["part", "item", "event_id"])
def test_another_place_or_subject_is_another_kind(name: str) -> None:
    repeats = LogThrottle(Clock())
    let_through(repeats, [record(0, about={name: "a"}) for _ in range(100)])

    assert let_through(repeats, [record(1, about={name: "b"}), record(2, line=2)]) == ["trouble 1", "trouble 2"]


def test_so_many_kinds_are_remembered_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_throttle, "MAX_KINDS", 2)
    repeats = LogThrottle(Clock())
    let_through(repeats, [record(0, line=line) for line in range(50)])

    assert len(repeats._kinds) == 2


def test_a_worker_logs_objects_with_what_they_are_about_and_without_repeats(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    output = io.StringIO()
    monkeypatch.setattr("sys.stdout", output)
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    try:
        dictConfig(_ours(log_config(Settings(_env_file=None, log="json"))))
        for _ in range(100):
            logging.getLogger("ours").warning("trouble", extra={"part": "feed", "item": "NODE3000005"})
    finally:
        logging.getLogger("ours").handlers.clear()
        root.handlers[:], root.level = before, level
    lines: list[dict[str, Any]] = [msgspec.json.decode(line) for line in output.getvalue().splitlines()]

    assert len(lines) == BURST_LINES
    assert lines[0].pop("time")
    assert lines[0] == {
        "level": "WARNING",
        "logger": "ours",
        "message": "trouble",
        "part": "feed",
        "item": "NODE3000005",
    }


def _ours(config: dict[str, Any]) -> dict[str, Any]:
    """Return the configuration for one logger, so that the test's own stay as they are."""
    return {**config, "root": {}, "loggers": {"ours": {**config["root"], "propagate": False}}}
