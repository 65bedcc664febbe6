"""X announcer: posts through tweepy, as one user (OAuth 1.0a)."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from http import HTTPStatus
from typing import Any, NamedTuple

import msgspec
from aiohttp import ClientError, ClientResponse, ClientSession
from tweepy.asynchronous import AsyncClient
from yarl import URL

from iss_agents.announcers.announcer import Clock, Posted, RefusedError, RetryableError, utc_now
from iss_agents.announcers.answer_headers import clock_skew, seconds_to_wait
from iss_agents.detection.events import Urination
from iss_agents.telemetry.records import decoder

API = "https://api.twitter.com"
"""The address that tweepy 4.17 uses and signs, whatever address requests are sent to."""

REJECTED_STATUSES = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.PAYMENT_REQUIRED, HTTPStatus.FORBIDDEN})
"""Keys, credit or permission: a person has to correct each (402 is "out of credits")."""

LIMITS = ("x-rate-limit", "x-user-limit-24hour", "x-app-limit-24hour")
"""Headers of X's limits; each has a `-remaining` and a `-reset`, which is Unix time."""

DUPLICATE_CODE = 187
"""X's error code for a text that the account has posted already."""

LONGEST_DETAIL = 200
LARGEST_ANSWER = 64 * 1024
"""Bytes read of an answer: a proxy or a captive portal may send anything, of any length."""


class Keys(NamedTuple):
    """The four secrets of an X app and of the account that it posts as."""

    consumer_key: str
    consumer_secret: str
    access_token: str
    access_secret: str


class X:
    """Posts to X. A `url` other than X's own is for a substitute server."""

    name = "X"

    def __init__(self, keys: Keys, url: str = API, clock: Clock = utc_now) -> None:
        self._keys = keys
        self._url = URL(url)
        self._clock = clock

    async def post(self, text: str, event: Urination) -> Posted:  # noqa: ARG002 - the interface
        """Post a text. "Duplicate" means posted: the earlier answer was lost, or a crash came first.

        Raises:
            RefusedError: keys, credit or permission are missing.
            RetryableError: anything else.
        """
        try:
            async with ClientSession(trust_env=True) as session:
                answer = await self._client(session).create_tweet(text=text, user_auth=True)
                return Posted(_post_id(await answer.read()))
        except _DuplicatePostError:
            return Posted()
        except ClientError as error:
            raise RetryableError(f"{type(error).__name__}: {error}") from error

    def _client(self, session: ClientSession) -> AsyncClient:
        # With any other type tweepy parses the body as JSON; it gets and returns an `_Answer`.
        client = AsyncClient(None, *self._keys, return_type=ClientResponse)
        client.session = _Session(session, self._url, self._clock)
        return client


class _DuplicatePostError(Exception):
    """X has this text already."""


class _Answer:
    """The part of an answer that tweepy uses, with the beginning of the body."""

    def __init__(self, response: ClientResponse, body: bytes) -> None:
        self.status = response.status
        self.reason = response.reason
        self.headers = response.headers
        self._body = body

    async def read(self) -> bytes:
        """Return the body."""
        return self._body


class _Session:
    """Replaces the aiohttp session of tweepy.

    tweepy has no option for the address. And it reads every answer whole, and parses every error as JSON before
    it checks the status, so that an HTML 503 or an empty 429 would be reported as a wrong content type. So
    answers are read and errors interpreted here.
    """

    def __init__(self, session: ClientSession, url: URL, clock: Clock) -> None:
        self._session = session
        self._url = url
        self._clock = clock

    @asynccontextmanager
    async def request(self, method: str, url: URL, **options: Any) -> AsyncIterator[_Answer]:
        address = self._url.with_path(url.path)
        async with self._session.request(method, address, allow_redirects=False, **options) as response:
            answer = _Answer(response, await _beginning(response))
        if answer.status >= HTTPStatus.MULTIPLE_CHOICES:
            raise _failure(answer.status, answer.headers, await answer.read(), self._clock)
        yield answer


async def _beginning(response: ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk[: LARGEST_ANSWER - len(body)]
        if len(body) == LARGEST_ANSWER:
            break
    return bytes(body)


class _Error(msgspec.Struct):
    code: int = 0
    message: str = ""


class _Problem(msgspec.Struct):
    """An error of X's second API, with the field of the first API that some answers still have."""

    title: str = ""
    detail: str = ""
    errors: Sequence[_Error] = ()

    @property
    def is_duplicate(self) -> bool:
        """Whether X has this text already, by code 187 or by one of several texts of the past years."""
        words = [self.title, self.detail, *(error.message for error in self.errors)]
        return DUPLICATE_CODE in {error.code for error in self.errors} or "duplicate" in " ".join(words).lower()


def _failure(status: int, headers: Mapping[str, str], body: bytes, clock: Clock) -> Exception:
    problem = _problem(body)
    reason = f"{status} {problem.detail[:LONGEST_DETAIL]}".strip()
    if status == HTTPStatus.FORBIDDEN and problem.is_duplicate:
        return _DuplicatePostError(reason)
    if status in REJECTED_STATUSES:
        return _rejection(reason, clock_skew(headers, clock()))
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return RetryableError(reason, after=_seconds_to_reset(headers, clock))
    return RetryableError(reason, after=seconds_to_wait(headers, clock()))


def _rejection(reason: str, skew: timedelta | None) -> Exception:
    # The signature contains the time, and X answers a wrong time like a wrong key.
    if skew is None:
        return RefusedError(reason)
    direction = "ahead of" if skew > timedelta() else "behind"
    seconds = abs(skew.total_seconds())
    return RetryableError(
        f"{reason}, and this machine's clock is {seconds:.0f} s {direction} X's: correct the clock"
    )


def _problem(body: bytes) -> _Problem:
    """Return the problem that X reports; other bodies are pages for browsers."""
    try:
        return _decode_problem(body)
    except msgspec.DecodeError:
        return _Problem()


def _seconds_to_reset(headers: Mapping[str, str], clock: Clock) -> float | None:
    """Return the seconds until every exhausted limit is reset, or None if X does not say."""
    used_up = [limit for limit in LIMITS if headers.get(f"{limit}-remaining", "0") == "0"]
    resets = [headers.get(f"{limit}-reset", "") for limit in used_up]
    times = [float(reset) for reset in resets if reset.isdecimal()]
    return max(0.0, max(times) - clock().timestamp()) if times else seconds_to_wait(headers, clock())


class _Post(msgspec.Struct):
    id: str


class _Created(msgspec.Struct):
    data: _Post


_decode_problem = decoder(_Problem)
_decode_created = decoder(_Created)


def _post_id(body: bytes) -> str:
    try:
        return _decode_created(body).data.id
    except msgspec.DecodeError as error:
        raise RetryableError(f"X accepted the text, but its answer has no post id: {error}") from error
