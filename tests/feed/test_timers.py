"""Timers that are restarted from any thread: each is called once, in time, unless it was cancelled."""

import asyncio
from functools import partial
from threading import Thread

import pytest

from iss_agents.feed.timers import Timers
from tests.waiting import until


@pytest.fixture
async def timers() -> Timers:
    loop = asyncio.get_running_loop()
    return Timers(lambda: loop)


async def test_timers_ring_when_they_are_due_and_an_earlier_one_before(timers: Timers) -> None:
    rung: list[str] = []
    for name, seconds in (("late", 0.09), ("early", 0.03), ("at once", 0.0), ("later", 0.1)):
        timers.start(seconds, partial(rung.append, name))
    await until(lambda: len(rung) == 4)

    assert rung == ["at once", "early", "late", "later"]


async def test_a_cancelled_timer_never_rings(timers: Timers) -> None:
    rung: list[str] = []
    cancelled = [timers.start(0.01, partial(rung.append, name)) for name in ("first", "second")]
    timers.start(0.02, partial(rung.append, "third"))
    for timer in cancelled:
        timer.cancel()
    await until(lambda: rung)

    assert rung == ["third"]
    assert all(timer.cancelled() for timer in cancelled)


async def test_a_timer_that_is_restarted_leaves_nothing_behind_and_wakes_nobody(timers: Timers) -> None:
    loop, rung = asyncio.get_running_loop(), asyncio.Event()
    timer = timers.start(0.02, rung.set)
    await asyncio.sleep(0)
    scheduled = len(loop._scheduled)  # type: ignore[attr-defined]
    for _ in range(1000):
        timer.cancel()
        timer = timers.start(0.02, rung.set)

    assert timers._timers == [timer]
    assert len(loop._scheduled) == scheduled  # type: ignore[attr-defined]
    await asyncio.wait_for(rung.wait(), 30)


async def test_timers_that_restart_in_turn_are_gone_when_the_next_one_is_due(timers: Timers) -> None:
    rung: list[str] = []
    running = [timers.start(0.02, partial(rung.append, name)) for name in ("one", "other")]
    for restart in range(1000):
        running[restart % 2].cancel()
        running[restart % 2] = timers.start(60, partial(rung.append, "late"))
    timers.start(0.01, partial(rung.append, "next"))
    await until(lambda: rung)

    assert rung == ["next"]
    assert timers._timers == sorted(running, key=lambda timer: timer.due)


async def test_timers_of_many_threads_all_ring(timers: Timers) -> None:
    rung: list[int] = []

    def start(thread: int) -> None:
        for number in range(100):
            timers.start(number % 7 / 1000, partial(rung.append, 100 * thread + number))

    threads = [Thread(target=start, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    await until(lambda: len(rung) == 400)
    for thread in threads:
        thread.join()

    assert sorted(rung) == [*range(400)]


async def test_a_callback_that_fails_costs_no_other_its_call(timers: Timers) -> None:
    failures: list[object] = []
    rung = asyncio.Event()
    asyncio.get_running_loop().set_exception_handler(
        lambda _loop, context: failures.append(context["exception"])
    )

    def fail() -> None:
        raise ValueError("out of order")

    timers.start(0.01, fail)
    timers.start(0.01, rung.set)
    await asyncio.wait_for(rung.wait(), 30)

    assert [str(failure) for failure in failures] == ["out of order"]
