"""What an update costs in the Lightstreamer client, with and without each correction."""

import gc
import linecache
import sys
import threading
from asyncio import BaseEventLoop
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import pytest

from iss_agents.feed.correction import Correction
from iss_agents.feed.lightstreamer_corrections import (
    CORRECTIONS,
    dispatch,
    has_next,
    library,
    open_socket,
    start_timer,
)
from tests.feed.scripted_session import SNAPSHOT, Session, as_shipped, corrected

__all__ = ["corrected"]


class Cost(NamedTuple):
    """What an update costs, on every machine: functions called on its thread, and wakes of other threads."""

    calls: int
    wakes: int


class Reader(Session):
    """Reads of an update what the feed reads."""

    def onItemUpdate(self, update: Any) -> None:  # noqa: N802
        self.heard.append((update.getItemName(), update.getFields(), update.isSnapshot()))


def cost_of_an_update() -> Cost:
    """Return what a line costs in a session of as many items as the station has."""
    reader = Reader([f"ITEM{number}" for number in range(337)])
    reader.begin()
    reader.send("U,1,337,1|5354.1|24|#", "U,1,337,2|5354.2|^2")
    wakes: list[object] = []
    wake, here = BaseEventLoop.call_soon_threadsafe, threading.get_ident()

    def count(loop: BaseEventLoop, *arguments: Any) -> Any:
        if threading.get_ident() == here:
            wakes.append(arguments)
        return wake(loop, *arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseEventLoop, "call_soon_threadsafe", count)
        calls = calls_of(partial(reader.pass_on, "U,1,337,3|5354.3|^1|4"))
        reader.settle()
    assert len(reader.heard) == len(("subscribed", "frequency", "snapshot", "update", "update"))
    reader.end()
    return Cost(calls, len(wakes) - len(("settle the session thread", "settle the user thread")))


def calls_of(run: Callable[[], object]) -> int:
    """Return how many Python functions `run` calls on this thread."""
    count = 0

    def notice(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal count
        count += event == "call"

    # The garbage collector would have finalizers of other tests counted, too.
    gc.disable()
    sys.setprofile(notice)
    try:
        run()
    finally:
        sys.setprofile(None)
        gc.enable()
    return count


THREADS = (open_socket, dispatch, start_timer)
LOOPS = tuple(correction for correction in CORRECTIONS if correction not in THREADS)


def test_an_update_calls_a_fraction_of_what_the_library_calls() -> None:
    corrected = cost_of_an_update()
    with as_shipped(*LOOPS):
        shipped = cost_of_an_update()

    assert corrected.calls < 200
    assert shipped.calls > 5 * corrected.calls


@pytest.mark.parametrize("correction", LOOPS, ids=lambda correction: correction.name)
def test_each_correction_of_a_loop_saves_calls(correction: Correction) -> None:
    with as_shipped(*LOOPS):
        shipped = cost_of_an_update()
        correction.apply()
        corrected = cost_of_an_update()

    assert corrected.calls < shipped.calls


@pytest.mark.parametrize("correction", THREADS, ids=lambda correction: correction.name)
def test_each_correction_of_threads_saves_a_wake(correction: Correction) -> None:
    corrected = cost_of_an_update()
    with as_shipped(correction):
        shipped = cost_of_an_update()

    assert corrected.wakes == 0
    assert shipped.wakes == 1


def test_the_end_of_a_loop_checks_no_source_file(monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[object] = []
    monkeypatch.setattr(linecache, "checkcache", checked.append)
    loop_over_a_map()
    corrected = len(checked)
    with as_shipped(has_next):
        loop_over_a_map()

    assert corrected == 0
    assert len(checked) > 0


def loop_over_a_map() -> None:
    entries = library.haxe_ds_IntMap()
    entries.set(1, "value")
    keys = entries.keys()
    assert (keys.hasNext(), keys.next(), keys.hasNext(), keys.hasNext()) == (True, 1, False, False)


def test_a_keepalive_that_restarts_leaves_no_timer() -> None:
    corrected = timers_after_updates(20)
    with as_shipped(start_timer):
        shipped = timers_after_updates(20)

    assert corrected <= 1
    assert shipped > 10


def timers_after_updates(count: int) -> int:
    """Return how many more timers the library's session thread has after so many updates."""
    loop = library.com_lightstreamer_internal__Threads_Threads_Fields_.sessionThread.loop
    session = Session()
    session.begin()
    session.send(SNAPSHOT[0])
    before = len(loop._scheduled)
    for number in range(count):
        session.send(f"U,1,1,{number}|^3")
    added = len(loop._scheduled) - before
    session.end()
    return added


def test_a_prompt_listener_is_called_on_the_thread_that_reads() -> None:
    assert threads_of_updates() == {threading.get_ident()}
    with as_shipped():
        assert threading.get_ident() not in threads_of_updates()


def threads_of_updates() -> set[object]:
    class Where(Session):
        def onItemUpdate(self, _update: Any) -> None:  # noqa: N802
            self.heard.append(threading.get_ident())

    session = Where()
    session.begin()
    session.heard.clear()
    session.send(*SNAPSHOT)
    heard = {*session.heard}
    session.end()
    return heard
