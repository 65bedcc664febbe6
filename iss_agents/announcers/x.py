"""Posts to X through tweepy, as one user (OAuth 1.0a)."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, NamedTuple

import msgspec
from aiohttp import ClientError, ClientResponse, ClientSession
from tweepy.asynchronous import AsyncClient
from yarl import URL

from iss_agents.announcers.announcer import Posted, Refused, TryAgain
from iss_agents.announcers.clock import Clock, utc_now
from iss_agents.detection.events import Urination

API = "https://api.twitter.com"
"""Where tweepy 4.17 sends and what it signs for, whatever the address below."""

REFUSALS = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.PAYMENT_REQUIRED, HTTPStatus.FORBIDDEN})
"""Keys, credit, permission: each takes a person to mend (402 is "out of credits")."""

LIMITS = ("x-rate-limit", "x-user-limit-24hour", "x-app-limit-24hour")
"""Headers of X's limits; each has a `-remaining` and a `-reset`, which is Unix time."""

LONGEST_DETAIL = 200


class Keys(NamedTuple):
    """The four secrets of an X app and of the account that it posts as."""

    consumer_key: str
    consumer_secret: str
    access_token: str
    access_secret: str


class X:
    """Posts to X. Another `url` than X's own is for a server that stands in for it."""

    name = "X"

    def __init__(self, keys: Keys, url: str = API, clock: Clock = utc_now) -> None:
        self._keys = keys
        self._url = URL(url)
        self._clock = clock

    async def post(self, text: str, event: Urination) -> Posted:  # noqa: ARG002 - the interface
        """Post a text. "Duplicate" means posted: a crash or a lost answer kept us from learning it.

        Raises:
            Refused: keys, credit or permission are missing.
            TryAgain: anything else.
        """
        try:
            async with ClientSession() as session:
                answer = await self._client(session).create_tweet(text=text, user_auth=True)
                return Posted(_post_id(await answer.text()))
        except _Duplicate:
            return Posted()
        except ClientError as error:
            raise TryAgain(f"{type(error).__name__}: {error}") from error

    def _client(self, session: ClientSession) -> AsyncClient:
        client = AsyncClient(None, *self._keys, return_type=ClientResponse)
        client.session = _Session(session, self._url, self._clock)
        return client


class _Duplicate(Exception):  # noqa: N818 - good news
    """X has this text already."""


class _Session:
    """Stands where tweepy keeps its aiohttp session.

    tweepy has no option for the address. And it reads every error as JSON before it looks at the status, so
    that an HTML 503 or an empty 429 would come out as a content type that is wrong: errors are judged here.
    """

    def __init__(self, session: ClientSession, url: URL, clock: Clock) -> None:
        self._session = session
        self._url = url
        self._clock = clock

    @asynccontextmanager
    async def request(self, method: str, url: URL, **options: Any) -> AsyncIterator[ClientResponse]:
        address = self._url.with_path(url.path)
        async with self._session.request(method, address, allow_redirects=False, **options) as answer:
            if answer.status >= HTTPStatus.MULTIPLE_CHOICES:
                raise _failure(answer.status, answer.headers, await answer.text(errors="replace"), self._clock)
            yield answer


class _Problem(msgspec.Struct):
    detail: str = ""


def _failure(status: int, headers: Mapping[str, str], body: str, clock: Clock) -> Exception:
    reason = f"{status} {_detail(body)}".strip()
    if status == HTTPStatus.FORBIDDEN and "duplicate content" in reason:
        return _Duplicate(reason)
    if status in REFUSALS:
        return Refused(reason)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return TryAgain(reason, after=_seconds_to_reset(headers, clock))
    return TryAgain(reason)


def _detail(body: str) -> str:
    """Return what X says in an error's `detail`; other bodies are pages for browsers."""
    try:
        return msgspec.json.decode(body, type=_Problem).detail[:LONGEST_DETAIL]
    except msgspec.MsgspecError:
        return ""


def _seconds_to_reset(headers: Mapping[str, str], clock: Clock) -> float | None:
    """Return the seconds until every limit that is used up begins anew, or None if X does not say."""
    used_up = [limit for limit in LIMITS if headers.get(f"{limit}-remaining", "0") == "0"]
    resets = [headers.get(f"{limit}-reset", "") for limit in used_up]
    times = [float(reset) for reset in resets if reset.isdecimal()]
    return max(0.0, max(times) - clock().timestamp()) if times else None


class _Post(msgspec.Struct):
    id: str


class _Answer(msgspec.Struct):
    data: _Post


def _post_id(body: str) -> str:
    try:
        return msgspec.json.decode(body, type=_Answer).data.id
    except msgspec.MsgspecError as error:
        raise TryAgain(f"X took the text, but its answer names no post: {error}") from error
