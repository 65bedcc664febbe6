"""An announcer that refuses is left in peace for a while."""

from datetime import timedelta

import pytest

from iss_agents.announcers.announcer import NotReadyError, Posted, RefusedError, RetryableError, SkippedError
from iss_agents.announcers.circuit import BreakerAnnouncer
from iss_agents.announcers.retry import RetryTiming, post_with_retry
from iss_agents.announcers.x import X
from iss_agents.runtime.health import Health
from tests.announcers.factory import FakeTime
from tests.announcers.fake_x import KEYS, FakeX, page, rate_limited, refusing
from tests.factories import NOON, urination


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def health() -> Health:
    return Health()


@pytest.fixture
def resting(fake_x: FakeX, health: Health, time: FakeTime) -> BreakerAnnouncer:
    return BreakerAnnouncer(
        X(KEYS, fake_x.url, time.clock), timedelta(hours=1), health, time.clock, time.seconds
    )


async def test_refusal_keeps_everything_away_until_the_pause_is_over(
    resting: BreakerAnnouncer, fake_x: FakeX, time: FakeTime
) -> None:
    fake_x.answers.append(refusing(402, "No credits"))
    with pytest.raises(RefusedError, match=r"^402 No credits$"):
        await resting.post("one", urination())
    time.advance(3599)
    with pytest.raises(SkippedError, match=r"^402 No credits; next attempt after 2026-08-11T13:00:00.000Z$"):
        await resting.post("two", urination())
    time.advance(1)

    assert await resting.post("three", urination()) == Posted("1900000000000000001")
    assert fake_x.received == ["one", "three"]


@pytest.mark.parametrize("step", [timedelta(days=-1), timedelta(days=1)])
async def test_a_step_of_our_clock_neither_ends_a_pause_nor_makes_it_longer(
    resting: BreakerAnnouncer, fake_x: FakeX, time: FakeTime, step: timedelta
) -> None:
    fake_x.answers.append(refusing(402, "No credits"))
    with pytest.raises(RefusedError):
        await resting.post("one", urination())
    time.now += step
    time.advance(3599)
    with pytest.raises(SkippedError):
        await resting.post("two", urination())
    time.advance(1)

    assert await resting.post("three", urination()) == Posted("1900000000000000001")


async def test_second_refusal_begins_a_new_pause(
    resting: BreakerAnnouncer, fake_x: FakeX, time: FakeTime
) -> None:
    fake_x.answers.extend([refusing(401, "No"), refusing(403, "Still no")])
    with pytest.raises(RefusedError):
        await resting.post("one", urination())
    time.advance(3600)
    with pytest.raises(RefusedError, match=r"^403 Still no$"):
        await resting.post("two", urination())
    with pytest.raises(SkippedError, match=r"^403 Still no"):
        await resting.post("three", urination())


async def test_an_event_that_failed_three_times_opens_the_circuit_and_the_next_one_waits_and_is_told(
    resting: BreakerAnnouncer, fake_x: FakeX, health: Health, time: FakeTime
) -> None:
    timing = RetryTiming(time.clock, time.sleep)
    fake_x.answers.extend([page(503)] * 3)
    assert (await post_with_retry(resting, "one", urination(), timing)).outcome == "failed"
    assert not health.parts["X"].ok
    time.slept.clear()

    told = await post_with_retry(resting, "two", urination("b2"), timing)

    assert (told.outcome, told.attempts) == ("posted", 1)
    assert 22.5 <= sum(time.slept) <= 30.0
    assert fake_x.received == ["one", "one", "one", "two"]
    assert health.parts["X"].ok


async def test_a_call_that_is_cut_off_counts_as_a_failure(
    resting: BreakerAnnouncer, fake_x: FakeX, time: FakeTime
) -> None:
    fake_x.answers.extend([fake_x.hang] * 3)
    await post_with_retry(resting, "one", urination(), RetryTiming(time.clock, time.sleep, 0.05))

    with pytest.raises(NotReadyError, match="no answer in time"):
        await resting.post("two", urination())


async def test_a_limit_keeps_everything_away_until_its_reset(
    resting: BreakerAnnouncer, fake_x: FakeX, time: FakeTime
) -> None:
    fake_x.answers.append(rate_limited(int(NOON.timestamp()) + 900))
    with pytest.raises(RetryableError, match=r"^429"):
        await resting.post("one", urination())
    with pytest.raises(NotReadyError) as not_yet:
        await resting.post("two", urination())
    assert not_yet.value.after == 900
    time.advance(900)

    assert await resting.post("three", urination()) == Posted("1900000000000000001")
