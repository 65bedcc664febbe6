"""Whatever others send, a terminal shows it and obeys nothing of it; programs get it as it is."""

import asyncio
import io
import json
import os
import pty
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from aiohttp.web import Request, StreamResponse, json_response
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import RenderableType

from iss_agents.cli import events, items, plot, status, tail
from iss_agents.cli.replies import Bucket, Item, Status, Summary
from iss_agents.local_stack.display import Screen
from iss_agents.local_stack.worker_metrics import Post
from iss_agents.runtime.console import PrintableConsole, assembled, show, show_line, styled
from iss_agents.runtime.output import say, write
from iss_agents.tools.dead_letters.commands import _lines as invalid_lines
from iss_agents.tools.probe.commands import _print_table
from iss_agents.tools.probe.conformance import Finding
from iss_agents.tools.verification.commands import _lines as verified_lines
from iss_agents.tools.verification.report import Difference, Report
from tests.cli.double import event, item, problem, serving
from tests.cli.running import ended, run, start
from tests.cli.test_status import STATUS, USE
from tests.local_stack.test_display import STREAMING

ACTING = "\x1b]0;pwned\x1b\\\x1b[31m\x9b2J\x07\r\b\n\x85\u2028\u202e\u2066\u200f\u061c\x7f\x00"
HOSTILE = st.text(st.sampled_from([*ACTING, *"[bold] {}$\\é🚀漢", "\ud800"]), min_size=1)

FORGED = "a\nINJECTED\x85INJECTED\u2028INJECTED\rINJECTED\x1b[2J\x9b31m"

OURS = re.compile(r"\x1b\[(?:[\d;]*m|\?25[lh]|[12]?[AK])|\r")
"""What rich, and nobody else, may tell a terminal: colours, and to draw a live table again."""


def item_of(text: str) -> Item:
    return msgspec.convert(item(text, text, name=text, unit=text, discipline=text), Item)


def event_of(text: str) -> dict[str, Any]:
    return {**USE, "kind": text, "confidence": 1.0, "post": {"text": f"{text}\n{text}", "decision": text}}


def status_of(text: str) -> RenderableType:
    document: dict[str, Any] = {
        **STATUS,
        "signal": {"state": text, "age_seconds": 1.0},
        "silent": {"who": text, "sentence": text},
        "newest": {"item_id": text, "name": text, "age_seconds": 1.0},
        "tank": {**STATUS["tank"], "state": text, "processor": text, "last_use": {**USE, "text": text}},
        "parts": {text: {"ok": False, "detail": text}, f"2{text}": {"ok": True, "detail": text}},
    }
    return status.screen(msgspec.convert(document, Status), 0.0)


def title_of(text: str) -> str:
    now = datetime(2026, 8, 11, tzinfo=UTC)
    summary = Summary(text, text, 60.0, 1, {}, [Bucket(now, 1.0, 2.0, 1.5, "1.5")])
    return plot.Curve(text, now, now + timedelta(hours=1), summary).title


def show_invalid(text: str) -> None:
    names = ("found", "place", "stage", "reason", "outcome", "why", "error", "payload")
    for line in invalid_lines([{**dict.fromkeys(names, text), "bytes": 1}]):
        write(line)


def show_verified(text: str) -> None:
    report = Report(differences={Difference("missing", text, text, text)})
    for line in verified_lines(report):
        write(line)


def show_demo(text: str) -> None:
    screen = Screen(PrintableConsole())
    screen.say(text)
    post = Post(text, f"{text}\n{text}")
    screen.show(replace(STREAMING, tank_level=text, newest_post=post, troubles={text: text}, address=text))
    screen.close()


PRINTERS: dict[str, Callable[[str], None]] = {
    "write": write,
    "say": say,
    "show": lambda text: show(assembled(text, (text, "bold")), styled(text)),
    "items": lambda text: show(items.table([item_of(text)])),
    "events": lambda text: show(events.table([event_of(text)])),
    "status": lambda text: show(status_of(text)),
    "tail": lambda text: tail._print(item(text, text, name=text, unit=text), as_json=False),
    "plot": lambda text: show_line(styled(title_of(text))),
    "invalid": show_invalid,
    "verify": show_verified,
    "feed-check": lambda text: _print_table(text, [Finding(text, text, text, agrees=False)]),
    "demo": show_demo,
}


def told(monkeypatch: pytest.MonkeyPatch, name: str, text: str, *, terminal: bool) -> str:
    """Return what a printer writes, as to a terminal or to a pipe."""
    written = io.StringIO()
    written.isatty = lambda: terminal  # type: ignore[method-assign]
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", written)
        patched.setattr(sys, "stderr", written)
        PRINTERS[name](text)
    return written.getvalue()


@pytest.mark.parametrize("terminal", [True, False], ids=["terminal", "pipe"])
@pytest.mark.parametrize("name", PRINTERS)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=HOSTILE)
def test_no_printer_lets_a_text_act(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, *, terminal: bool
) -> None:
    shown = told(monkeypatch, name, text, terminal=terminal)

    left = OURS.sub("", shown) if terminal else shown
    assert [one for one in left if not one.isprintable() and one != "\n"] == []


@pytest.mark.parametrize("name", PRINTERS)
def test_no_text_makes_a_line_of_its_own(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    shown = told(monkeypatch, name, FORGED, terminal=False)

    assert "INJECTED" in shown
    assert [line for line in shown.splitlines() if line.strip().startswith("INJECTED")] == []


SEVERAL = """
import sys
from iss_agents.cli.main import main

for words in sys.argv[1:]:
    sys.argv[1:] = words.split()
    try:
        main()
    except SystemExit:
        print()
"""


async def on_terminal(url: str, *commands: str) -> str:
    """Run commands on a terminal of their own and return everything that the terminal gets."""
    ours, theirs = pty.openpty()
    environment = os.environ | {"ISS_URL": url, "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "30"}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", SEVERAL, *commands),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment,
    )
    os.close(theirs)
    got = b"".join([piece async for piece in _pieces(ours)])
    await process.wait()
    return got.decode().replace("\r\n", "\n")


async def _pieces(terminal: int) -> Any:
    try:
        while piece := await asyncio.to_thread(os.read, terminal, 65_536):
            yield piece
    except OSError:  # Linux says EIO when the last program on the terminal has ended
        pass
    finally:
        os.close(terminal)


def answering(document: object) -> Callable[[Request], Any]:
    async def answer(_request: Request) -> StreamResponse:
        return json_response(document)

    return answer


async def refusing(_request: Request) -> StreamResponse:
    return problem(400, FORGED)


PAGES = {
    "items": answering({"items": [item("NODE3000005", FORGED, name=FORGED)]}),
    "status": answering({**STATUS, "parts": {FORGED: {"ok": False, "detail": FORGED}}}),
    "events": answering({"events": [{**USE, "kind": FORGED, "confidence": 1.0}], "next_cursor": None}),
    "posts": answering({"posts": [], "next_cursor": None}),
    "telemetry__summary": refusing,
}


async def test_a_real_terminal_gets_nothing_but_colours() -> None:
    async with serving(**PAGES) as url:
        got = await on_terminal(url, "items", "status", "events", "plot NODE3000005")

    left = OURS.sub("", got)
    assert left.count("a\\nINJECTED") >= 6
    assert [one for one in left if not one.isprintable() and one != "\n"] == []
    assert [line for line in left.splitlines() if line.strip().startswith("INJECTED")] == []


async def test_a_real_pipe_gets_one_line_a_change() -> None:
    async def stream(request: Request) -> StreamResponse:
        response = StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await response.write(event("items", {"items": [item("NODE3000005", FORGED, 1)]}))
        await asyncio.sleep(60)
        return response

    async with serving(stream=stream) as url:
        process = await start(url, "tail", "NODE3000005")
        assert process.stdout
        line = (await process.stdout.readline()).decode()
        process.terminate()
        _, rest, _ = await ended(process)

    assert rest == ""
    assert line.removesuffix("\n").isprintable()
    assert line.count("INJECTED") == 4


@pytest.mark.parametrize("command", ["items", "status"])
async def test_programs_get_every_text_as_it_is(command: str) -> None:
    document = {
        "items": {"items": [item("NODE3000005", ACTING, name=ACTING)]},
        "status": {**STATUS, "parts": {"feed": {"ok": False, "detail": ACTING}}},
    }[command]
    async with serving(**{command: answering(document)}) as url:
        ran = await run(url, command, "--json")

    assert json.loads(ran.output) == document
    assert ran.output.isascii()
    assert ran.output.removesuffix("\n").isprintable()
