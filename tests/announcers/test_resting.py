"""An announcer that refuses is left in peace for a while."""

from datetime import timedelta

import pytest

from iss_agents.announcers.announcer import NotAsked, NotYet, Posted, Refused, TryAgain
from iss_agents.announcers.attempts import Pace, persist
from iss_agents.announcers.resting import Resting
from iss_agents.announcers.x import X
from iss_agents.health import Health
from tests.announcers.factory import NOON, FakeTime, urination
from tests.announcers.fake_x import KEYS, FakeX, page, rate_limited, refusing


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def health() -> Health:
    return Health()


@pytest.fixture
def resting(fake_x: FakeX, health: Health, time: FakeTime) -> Resting:
    return Resting(X(KEYS, fake_x.url, time.clock), timedelta(hours=1), health, time.clock)


async def test_refusal_keeps_everything_away_until_the_pause_is_over(
    resting: Resting, fake_x: FakeX, time: FakeTime
) -> None:
    fake_x.answers.append(refusing(402, "No credits"))
    with pytest.raises(Refused, match=r"^402 No credits$"):
        await resting.post("one", urination())
    await time.sleep(3599)
    with pytest.raises(NotAsked, match=r"^402 No credits; asked again after 2026-08-11T13:00:00.000Z$"):
        await resting.post("two", urination())
    await time.sleep(1)

    assert await resting.post("three", urination()) == Posted("1900000000000000001")
    assert fake_x.received == ["one", "three"]


async def test_second_refusal_begins_a_new_pause(resting: Resting, fake_x: FakeX, time: FakeTime) -> None:
    fake_x.answers.extend([refusing(401, "No"), refusing(403, "Still no")])
    with pytest.raises(Refused):
        await resting.post("one", urination())
    await time.sleep(3600)
    with pytest.raises(Refused, match=r"^403 Still no$"):
        await resting.post("two", urination())
    with pytest.raises(NotAsked, match=r"^403 Still no"):
        await resting.post("three", urination())


async def test_an_event_that_failed_three_times_opens_the_circuit_and_the_next_one_waits_and_is_told(
    resting: Resting, fake_x: FakeX, health: Health, time: FakeTime
) -> None:
    pace = Pace(time.clock, time.sleep)
    fake_x.answers.extend([page(503)] * 3)
    assert (await persist(resting, "one", urination(), pace)).outcome == "failed"
    assert not health.parts["X"].ok
    time.slept.clear()

    told = await persist(resting, "two", urination("b2"), pace)

    assert (told.outcome, told.attempts) == ("posted", 1)
    assert 22.5 <= sum(time.slept) <= 30.0
    assert fake_x.received == ["one", "one", "one", "two"]
    assert health.parts["X"].ok


async def test_a_call_that_is_cut_off_counts_as_a_failure(
    resting: Resting, fake_x: FakeX, time: FakeTime
) -> None:
    fake_x.answers.extend([fake_x.hang] * 3)
    await persist(resting, "one", urination(), Pace(time.clock, time.sleep, 0.05))

    with pytest.raises(NotYet, match="no answer in time"):
        await resting.post("two", urination())


async def test_a_limit_keeps_everything_away_until_its_reset(
    resting: Resting, fake_x: FakeX, time: FakeTime
) -> None:
    fake_x.answers.append(rate_limited(int(NOON.timestamp()) + 900))
    with pytest.raises(TryAgain, match=r"^429"):
        await resting.post("one", urination())
    with pytest.raises(NotYet) as not_yet:
        await resting.post("two", urination())
    assert not_yet.value.after == 900
    await time.sleep(900)

    assert await resting.post("three", urination()) == Posted("1900000000000000001")
