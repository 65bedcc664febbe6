"""From an event to the decision on it."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY

from iss_agents.announcers.announcer import Announcer, Posted, RefusedError, RetryableError
from iss_agents.announcers.decision import Announcement, Cooldown, Decision, cooldown_after
from iss_agents.announcers.dispatcher import PART, Dispatcher
from iss_agents.announcers.retry import RetryTiming
from iss_agents.announcers.texts.text import text_for
from iss_agents.announcers.x import X
from iss_agents.detection.events import Urination
from iss_agents.runtime.health import Health
from iss_agents.telemetry.records import Source
from tests.announcers.factory import FakeTime
from tests.announcers.fake_x import KEYS, FakeX, refusing
from tests.factories import NOON, urination

MINUTE = timedelta(minutes=1)


class Scripted:
    """An announcer that does the next thing of its script; `said` are the texts it was asked to post."""

    def __init__(self, name: str, *script: Posted | Exception) -> None:
        self.name = name
        self.said: list[str] = []
        self._script = list(script)

    async def post(self, text: str, event: Urination) -> Posted:  # noqa: ARG002 - the interface
        self.said.append(text)
        step = self._script.pop(0)
        if isinstance(step, Exception):
            raise step
        return step


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def health() -> Health:
    return Health()


@pytest.fixture
def x(fake_x: FakeX) -> X:
    return X(KEYS, fake_x.url)


def dispatcher(announcers: Sequence[Announcer], health: Health, time: FakeTime) -> Dispatcher:
    return Dispatcher(announcers, health, RetryTiming(time.clock, time.sleep))


def outcome(decision: Decision | None) -> str:
    assert decision
    return decision.decision


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def test_event_is_posted_to_x(x: X, fake_x: FakeX, health: Health, time: FakeTime) -> None:
    event = urination()

    assert await dispatcher([x], health, time).announce(event, None) == Decision(
        schema_version=1,
        event_id="a1",
        decision="posted",
        decided_at=NOON,
        detected_at=NOON,
        text=text_for(event),
        source="isslive",
        announcements=(
            Announcement(announcer="X", outcome="posted", attempts=1, post_id="1900000000000000001"),
        ),
    )
    assert fake_x.posts == [text_for(event)]


async def test_event_that_comes_again_after_a_crash_is_posted_once(
    x: X, fake_x: FakeX, health: Health, time: FakeTime
) -> None:
    first = await dispatcher([x], health, time).announce(urination(), None)
    second = await dispatcher([x], health, time).announce(urination(), None)

    assert (outcome(first), outcome(second)) == ("posted", "posted")
    assert len(fake_x.posts) == 1


async def test_event_that_comes_again_too_late_is_stale_although_it_was_posted(
    x: X, fake_x: FakeX, health: Health, time: FakeTime
) -> None:
    await dispatcher([x], health, time).announce(urination(), None)
    time.now += 11 * MINUTE
    again = await dispatcher([x], health, time).announce(urination(), None)

    assert outcome(again) == "stale"
    assert len(fake_x.received) == 1


async def test_event_that_began_the_cooldown_needs_nothing(health: Health, time: FakeTime) -> None:
    announcer = Scripted("one", Posted())
    event = urination()
    decision = await dispatcher([announcer], health, time).announce(event, None)
    assert decision
    cooldown = cooldown_after(event, decision)

    assert await dispatcher([announcer], health, time).announce(event, cooldown) is None
    assert len(announcer.said) == 1


async def test_events_in_a_row_are_told_every_five_minutes(health: Health, time: FakeTime) -> None:
    announcer = Scripted("one", *[Posted()] * 9)
    cooldown: Cooldown | None = None
    outcomes = []
    for minute in range(0, 12, 2):
        time.now = NOON + minute * MINUTE
        event = urination(str(minute), detected_at=time.now)
        decision = await dispatcher([announcer], health, time).announce(event, cooldown)
        assert decision
        outcomes.append(decision.decision)
        cooldown = cooldown_after(event, decision) or cooldown

    assert outcomes == ["posted", "suppressed", "suppressed", "posted", "suppressed", "suppressed"]


async def test_stale_and_suppressed_events_are_told_to_nobody(health: Health, time: FakeTime) -> None:
    announcer = Scripted("one")
    cooldown = Cooldown(sequence=1, event_id="earlier", until=NOON + MINUTE)
    suppressed = await dispatcher([announcer], health, time).announce(urination(), cooldown)
    time.now += 11 * MINUTE
    stale = await dispatcher([announcer], health, time).announce(urination(), None)

    assert (outcome(suppressed), outcome(stale)) == ("suppressed", "stale")
    assert announcer.said == []


@pytest.mark.parametrize("source", ["simulated", "test"])
async def test_what_the_station_did_not_send_is_a_dry_run(
    health: Health, time: FakeTime, source: Source
) -> None:
    announcer = Scripted("one")
    decision = await dispatcher([announcer], health, time).announce(urination(source=source), None)

    assert decision
    assert decision.decision == "dry_run"
    assert decision.announcements == (Announcement(announcer="dry run", outcome="dry_run", attempts=1),)
    assert (announcer.said, health.parts) == ([], {})


async def test_without_announcers_everything_is_a_dry_run(health: Health, time: FakeTime) -> None:
    assert outcome(await dispatcher([], health, time).announce(urination(), None)) == "dry_run"


async def test_one_announcer_that_posts_is_enough(health: Health, time: FakeTime) -> None:
    refusing_one, good_one = Scripted("one", RefusedError("no")), Scripted("two", Posted("7"))
    failing_one = Scripted("three", *[RetryableError("off")] * 3)
    decision = await dispatcher([refusing_one, good_one, failing_one], health, time).announce(urination(), None)

    assert decision
    assert decision.decision == "posted"
    assert decision.announcements == (
        Announcement(announcer="one", outcome="refused", attempts=1, error="no"),
        Announcement(announcer="two", outcome="posted", attempts=1, post_id="7"),
        Announcement(announcer="three", outcome="failed", attempts=3, error="off"),
    )
    assert (health.parts[PART].ok, health.parts[PART].detail) == (
        False,
        "one refused: no; three failed: off",
    )


async def test_announcers_do_not_wait_for_one_another(health: Health, time: FakeTime) -> None:
    second_posted = asyncio.Event()

    class First(Scripted):
        async def post(self, text: str, event: Urination) -> Posted:
            await second_posted.wait()
            return await super().post(text, event)

    class Second(Scripted):
        async def post(self, text: str, event: Urination) -> Posted:
            second_posted.set()
            return await super().post(text, event)

    announcers = [First("one", Posted()), Second("two", Posted())]
    decision = await dispatcher(announcers, health, time).announce(urination(), None)

    assert decision
    assert [announcement.attempts for announcement in decision.announcements] == [1, 1]


async def test_decision_is_one_line_of_the_log(
    health: Health, time: FakeTime, caplog: pytest.LogCaptureFixture
) -> None:
    announcer = Scripted("one", Posted(), RefusedError("no"))
    with caplog.at_level("INFO", "iss_agents.announcers.dispatcher"):
        for _ in range(2):
            await dispatcher([announcer], health, time).announce(urination(), None)
    words = " ".join(text_for(urination()).split())
    said = [
        record.getMessage() for record in caplog.records if record.name == "iss_agents.announcers.dispatcher"
    ]

    assert said == [
        f"event a1 posted: {words}",
        f"event a1 one refused: no: {words}",
    ]


async def test_refusal_is_said_once_and_so_is_the_return(
    x: X, fake_x: FakeX, health: Health, time: FakeTime, caplog: pytest.LogCaptureFixture
) -> None:
    fake_x.answers.extend([refusing(402, "No credits")] * 2)
    telling = dispatcher([x], health, time)
    with caplog.at_level("INFO", "iss_agents.runtime.health"):
        outcomes = [outcome(await telling.announce(urination(str(number)), None)) for number in range(4)]

    assert outcomes == ["refused", "refused", "posted", "posted"]
    assert [record.getMessage() for record in caplog.records if record.name == "iss_agents.runtime.health"] == [
        "announcer: X refused: 402 No credits",
        "announcer is back: the last event was posted",
    ]


async def test_decisions_and_attempts_are_counted(health: Health, time: FakeTime) -> None:
    before = counted("iss_post_decisions_total", decision="posted")
    seconds = counted("iss_detection_to_post_seconds_sum")
    time.now += timedelta(seconds=7)
    await dispatcher([Scripted("counted", RetryableError("off", 3.0), Posted())], health, time).announce(
        urination(), None
    )

    assert counted("iss_post_decisions_total", decision="posted") == before + 1
    assert counted("iss_post_attempts_total", announcer="counted") == 2
    assert counted("iss_announcements_total", announcer="counted", outcome="posted") == 1
    assert counted("iss_detection_to_post_seconds_sum") - seconds == 10


async def test_a_test_is_in_no_counter_of_uses(health: Health, time: FakeTime) -> None:
    names = (
        ("iss_post_decisions_total", {"decision": "dry_run"}),
        ("iss_post_attempts_total", {"announcer": "dry run"}),
    )
    before = [counted(name, **labels) for name, labels in names]
    await dispatcher([], health, time).announce(urination(source="test"), None)

    assert [counted(name, **labels) for name, labels in names] == before


async def test_the_line_of_a_decision_says_which_event_it_is_of(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "iss_agents.announcers.dispatcher")
    event = urination("a1")
    decision = await Dispatcher([], Health()).announce(event, None)

    (line,) = [vars(record) for record in caplog.records if "event_id" in vars(record)]
    assert decision
    assert (line["event_id"], line["item"], line["decision"]) == ("a1", "NODE3000005", decision.decision)
