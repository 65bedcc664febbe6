"""What a person sees of a run."""

import io
from dataclasses import replace

from iss_agents.local_stack.display import Screen, Status, rows
from iss_agents.local_stack.worker_metrics import Post, read_figures
from iss_agents.runtime.console import PrintableConsole

NOTHING_YET = Status(
    figures=read_figures(""),
    rate=0.0,
    tank_level=None,
    newest_post=None,
    troubles={},
    address="http://127.0.0.1:8000/",
)
STREAMING = Status(
    figures=replace(
        read_figures(""),
        items=329,
        archived=1048,
        lag=9,
        signal_acquired=True,
        last_update=1795473641.0,
        uses=1,
    ),
    rate=71.33,
    tank_level="27",
    newest_post=Post("dry_run", "One small step\n\nto the toilet"),
    troubles={"database": "does not answer"},
    address="http://127.0.0.1:8000/",
)


def test_nothing_is_claimed_before_something_is_known() -> None:
    assert rows(NOTHING_YET) == {
        "updates/s": "0.0",
        "items known": "0",
        "newest": "not known yet",
        "stored": "0",
        "consumer lag": "0",
        "signal": "not known yet",
        "tank": "not known yet",
        "uses since start": "0",
        "newest post": "none yet",
        "page": "http://127.0.0.1:8000/",
    }


def test_the_status_of_a_run_names_what_does_not_work() -> None:
    assert rows(STREAMING) == {
        "updates/s": "71.3",
        "items known": "329",
        "newest": "22:40:41 UTC",
        "stored": "1048",
        "consumer lag": "9",
        "signal": "in contact (AOS)",
        "tank": "27 %",
        "uses since start": "1",
        "newest post": "One small step / to the toilet (not posted)",
        "database": "does not answer",
        "page": "http://127.0.0.1:8000/",
    }


def test_lines_without_a_terminal_are_plain_and_few() -> None:
    output = io.StringIO()
    screen = Screen(PrintableConsole(file=output))

    screen.show(STREAMING)
    screen.show(STREAMING)
    screen.close()

    assert output.getvalue() == (
        "updates/s 71.3, items known 329, newest 22:40:41 UTC, stored 1048, consumer lag 9, "
        "signal in contact (AOS), tank 27 %, uses since start 1, "
        "newest post One small step / to the toilet (not posted), "
        "database does not answer, page http://127.0.0.1:8000/\n"
    )


def test_a_terminal_shows_progress_and_then_one_status_that_lives() -> None:
    output = io.StringIO()
    screen = Screen(PrintableConsole(file=output, force_terminal=True, width=80))

    screen.fetched(46, 46)
    screen.started("Kafka", 3.26)
    screen.show(STREAMING)
    screen.close()

    assert "Fetching Apache Kafka from Maven Central, once (45 MB)" in output.getvalue()
    assert "Kafka answers after 3.3 s" in output.getvalue()
    assert "27 %" in output.getvalue()
