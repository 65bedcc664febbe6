"""Every answer of X that is known, over HTTP."""

from datetime import timedelta
from email.utils import format_datetime
from math import inf

import pytest

from iss_agents.announcers.announcer import Posted, RefusedError, RetryableError
from iss_agents.announcers.x import X
from tests.announcers.fake_x import (
    DUPLICATE,
    KEYS,
    Answer,
    FakeX,
    document,
    empty,
    page,
    rate_limited,
    refusing,
)
from tests.factories import NOON, urination

TEXT = "Same water, new day. 💧 → 45 %"
UNIX_NOON = int(NOON.timestamp())


async def post(fake_x: FakeX, *answers: Answer) -> Posted:
    fake_x.answers.extend(answers)
    return await X(KEYS, fake_x.url, clock=lambda: NOON).post(TEXT, urination())


async def test_text_arrives_signed_and_gets_an_id(fake_x: FakeX) -> None:
    assert await post(fake_x) == Posted("1900000000000000001")
    assert fake_x.posts == [TEXT]


@pytest.mark.parametrize("name", ["consumer_key", "consumer_secret", "access_token", "access_secret"])
async def test_a_wrong_key_is_refused(fake_x: FakeX, name: str) -> None:
    wrong = KEYS._replace(**{name: "wrong"})
    with pytest.raises(RefusedError, match=r"^401 Unauthorized$"):
        await X(wrong, fake_x.url).post(TEXT, urination())

    assert fake_x.received == []


@pytest.mark.parametrize(
    "answer",
    [
        refusing(403, DUPLICATE),
        refusing(403, "Status is a duplicate."),
        refusing(403, "DUPLICATE status"),
        document(403, {"title": "Duplicate Tweet", "detail": ""}),
        document(403, {"errors": [{"code": 187, "message": "Status is a duplicate."}]}),
        document(403, {"errors": [{"code": 187, "message": ""}]}),
    ],
)
async def test_a_duplicate_in_any_words_is_posted(fake_x: FakeX, answer: Answer) -> None:
    assert await post(fake_x, answer) == Posted()


@pytest.mark.parametrize(("minutes", "said"), [(-10, "600 s ahead of"), (10, "600 s behind")])
@pytest.mark.parametrize("status", [401, 403])
async def test_a_wrong_clock_is_told_as_one_and_tried_again(
    fake_x: FakeX, status: int, minutes: int, said: str
) -> None:
    date = format_datetime(NOON + timedelta(minutes=minutes), usegmt=True)
    with pytest.raises(RetryableError) as trouble:
        await post(fake_x, empty(status, Date=date))

    assert str(trouble.value) == f"{status}, and this machine's clock is {said} X's: correct the clock"


async def test_an_answer_that_says_when_to_come_again_is_obeyed(fake_x: FakeX) -> None:
    with pytest.raises(RetryableError, match=r"^503") as trouble:
        await post(fake_x, empty(503, Retry_After="12.5"))

    assert trouble.value.after == 12.5


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (refusing(401, "Unauthorized"), "401 Unauthorized"),
        (refusing(402, "Your account has no credits."), "402 Your account has no credits."),
        (refusing(403, "Your app lacks oauth1 permissions."), "403 Your app lacks oauth1 permissions."),
        (page(403), "403"),
        (empty(401), "401"),
    ],
)
async def test_what_a_person_has_to_mend_is_refused(fake_x: FakeX, answer: Answer, reason: str) -> None:
    with pytest.raises(RefusedError) as refusal:
        await post(fake_x, answer)

    assert str(refusal.value) == reason


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (refusing(500, "Internal error"), "500 Internal error"),
        (page(503), "503"),
        (empty(302, Location="/elsewhere"), "302"),
        (refusing(400, "Bad"), "400 Bad"),
        (document(500, ["a list"]), "500"),
        (document(500, {"detail": None}), "500"),
        (empty(502), "502"),
    ],
)
async def test_other_errors_are_tried_again(fake_x: FakeX, answer: Answer, reason: str) -> None:
    with pytest.raises(RetryableError) as trouble:
        await post(fake_x, answer)

    assert (str(trouble.value), trouble.value.after) == (reason, None)


@pytest.mark.parametrize(
    "answer", [page(200), document(201, []), document(201, {"errors": []}), document(201, {"data": {"id": 1}})]
)
async def test_success_without_an_id_is_tried_again(fake_x: FakeX, answer: Answer) -> None:
    with pytest.raises(RetryableError, match=r"^X accepted the text, but its answer has no post id"):
        await post(fake_x, answer)


@pytest.mark.parametrize(
    ("answer", "after"),
    [
        (rate_limited(UNIX_NOON + 90), 90),
        (rate_limited(UNIX_NOON - 5), 0),
        (rate_limited(UNIX_NOON + 90, x_user_limit_24hour_remaining="0", x_user_limit_24hour_reset="x"), 90),
        (
            rate_limited(
                UNIX_NOON + 90,
                x_user_limit_24hour_remaining="0",
                x_user_limit_24hour_reset=str(UNIX_NOON + 7200),
            ),
            7200,
        ),
        (
            rate_limited(
                UNIX_NOON + 90,
                x_app_limit_24hour_remaining="3",
                x_app_limit_24hour_reset=str(UNIX_NOON + 7200),
            ),
            90,
        ),
        (empty(429), None),
        (empty(429, x_rate_limit_reset="9" * 400), inf),
        (empty(429, x_rate_limit_reset=str(UNIX_NOON + 30)), 30),
        (empty(429, x_rate_limit_reset="soon"), None),
    ],
)
async def test_too_many_requests_waits_for_the_limits_that_are_used_up(
    fake_x: FakeX, answer: Answer, after: float | None
) -> None:
    with pytest.raises(RetryableError, match=r"^429") as trouble:
        await post(fake_x, answer)

    assert trouble.value.after == after


async def test_reset_connection_is_tried_again(fake_x: FakeX) -> None:
    with pytest.raises(RetryableError):
        await post(fake_x, fake_x.reset)


async def test_nobody_listening_is_tried_again(fake_x: FakeX) -> None:
    await fake_x.stop()
    with pytest.raises(RetryableError, match=r"^ClientConnectorError"):
        await post(fake_x)


async def test_text_that_was_taken_before_the_connection_broke_is_posted_once(fake_x: FakeX) -> None:
    with pytest.raises(RetryableError):
        await post(fake_x, fake_x.take_and_reset)

    assert await post(fake_x) == Posted()
    assert (fake_x.received, fake_x.posts) == ([TEXT, TEXT], [TEXT])


async def test_secrets_are_not_in_errors(fake_x: FakeX) -> None:
    await fake_x.stop()
    with pytest.raises(RetryableError) as trouble:
        await post(fake_x)

    assert not [secret for secret in KEYS if secret in str(trouble.value)]
