"""An announcer that refuses is left in peace for a while."""

from datetime import timedelta

import pytest

from iss_agents.announcers.announcer import NotAsked, Posted, Refused
from iss_agents.announcers.resting import Resting
from iss_agents.announcers.x import X
from tests.announcers.factory import FakeTime, urination
from tests.announcers.fake_x import KEYS, FakeX, refusing


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def resting(fake_x: FakeX, time: FakeTime) -> Resting:
    return Resting(X(KEYS, fake_x.url), timedelta(hours=1), time.clock)


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
