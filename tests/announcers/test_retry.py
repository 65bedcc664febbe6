"""Attempts against a server that misbehaves, with a clock that only sleeping moves."""

from datetime import timedelta

import pytest

from iss_agents.announcers.circuit import BreakerAnnouncer
from iss_agents.announcers.decision import Announcement
from iss_agents.announcers.retry import RetryTiming, post_with_retry
from iss_agents.announcers.x import X
from iss_agents.runtime.health import Health
from tests.announcers.factory import FakeTime
from tests.announcers.fake_x import DUPLICATE, KEYS, FakeX, empty, page, rate_limited, refusing
from tests.factories import NOON, urination

FIRST_ID = "1900000000000000001"


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


async def tell(fake_x: FakeX, time: FakeTime, attempt_seconds: float = 20.0) -> Announcement:
    x = X(KEYS, fake_x.url, time.clock)
    return await post_with_retry(x, "text", urination(), RetryTiming(time.clock, time.sleep, attempt_seconds))


def posted(attempts: int, post_id: str | None = FIRST_ID) -> Announcement:
    return Announcement(announcer="X", outcome="posted", attempts=attempts, post_id=post_id)


def failed(attempts: int, error: str) -> Announcement:
    return Announcement(announcer="X", outcome="failed", attempts=attempts, error=error)


async def test_first_attempt_succeeds(fake_x: FakeX, time: FakeTime) -> None:
    assert await tell(fake_x, time) == posted(1)
    assert time.slept == []


async def test_third_attempt_succeeds_after_growing_waits_with_jitter(fake_x: FakeX, time: FakeTime) -> None:
    fake_x.answers.extend([page(503), fake_x.reset])

    assert await tell(fake_x, time) == posted(3)
    first, second = time.slept
    assert 1.5 <= first <= 2.0
    assert 3.0 <= second <= 4.0


async def test_three_attempts_are_all(fake_x: FakeX, time: FakeTime) -> None:
    fake_x.answers.extend([refusing(500, "one"), page(502), refusing(500, "three")])

    assert await tell(fake_x, time) == failed(3, "500 three")
    assert len(fake_x.received) == 3


async def test_attempt_without_an_answer_is_given_up(fake_x: FakeX, time: FakeTime) -> None:
    fake_x.answers.extend([fake_x.hang] * 3)

    assert await tell(fake_x, time, attempt_seconds=0.05) == failed(3, "no answer within 0.05 s")
    assert len(fake_x.received) == 3


async def test_text_taken_before_the_connection_broke_is_posted_once(fake_x: FakeX, time: FakeTime) -> None:
    fake_x.answers.append(fake_x.take_and_reset)

    assert await tell(fake_x, time) == posted(2, post_id=None)
    assert (fake_x.received, fake_x.posts) == (["text", "text"], ["text"])


async def test_duplicate_is_posted_at_the_first_attempt(fake_x: FakeX, time: FakeTime) -> None:
    fake_x.answers.append(refusing(403, DUPLICATE))

    assert await tell(fake_x, time) == posted(1, post_id=None)


async def test_rate_limit_is_waited_for(fake_x: FakeX, time: FakeTime) -> None:
    fake_x.answers.append(rate_limited(int(NOON.timestamp()) + 600))

    assert await tell(fake_x, time) == posted(2)
    assert time.slept == [600]


async def test_rate_limit_beyond_the_events_age_fails_at_once(fake_x: FakeX, time: FakeTime) -> None:
    fake_x.answers.append(rate_limited(int(NOON.timestamp()) + 601))

    assert await tell(fake_x, time) == failed(1, "429 Too Many Requests; 601 s later it is too old")
    assert time.slept == []


async def test_rate_limit_without_end_fails_at_once(fake_x: FakeX, time: FakeTime) -> None:
    fake_x.answers.append(empty(429, x_rate_limit_reset="9" * 400))

    assert await tell(fake_x, time) == failed(1, "429; inf s later it is too old")


async def test_empty_429_is_tried_again_soon(fake_x: FakeX, time: FakeTime) -> None:
    fake_x.answers.append(empty(429))

    assert await tell(fake_x, time) == posted(2)
    assert sum(time.slept) <= 2.0


@pytest.mark.parametrize("status", [401, 402, 403])
async def test_refusal_ends_the_attempts(fake_x: FakeX, time: FakeTime, status: int) -> None:
    fake_x.answers.extend([page(500), refusing(status, "No")])

    assert await tell(fake_x, time) == Announcement(
        announcer="X", outcome="refused", attempts=2, error=f"{status} No"
    )


async def test_announcer_that_was_not_asked_has_no_attempt(fake_x: FakeX, time: FakeTime) -> None:
    resting = BreakerAnnouncer(X(KEYS, fake_x.url), timedelta(hours=1), Health(), time.clock, time.seconds)
    fake_x.answers.append(refusing(401, "No"))
    timing = RetryTiming(time.clock, time.sleep)
    await post_with_retry(resting, "one", urination(), timing)

    assert await post_with_retry(resting, "two", urination(), timing) == Announcement(
        announcer="X",
        outcome="refused",
        attempts=0,
        error="401 No; next attempt after 2026-08-11T13:00:00.000Z",
    )
