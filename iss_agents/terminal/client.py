"""Asks the API of a worker; every failure is one sentence for the person who typed the command."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from http import HTTPStatus
from typing import Any, NamedTuple, Self, TypeAlias, TypeVar

import msgspec
from aiohttp import (
    ClientConnectionError,
    ClientConnectorError,
    ClientError,
    ClientPayloadError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
)

from iss_agents.errors import UserError
from iss_agents.settings import load_settings

API = "/api/v1"

ANSWER_SECONDS = 30.0
"""How long a document may take; the database works 5 s on a page at most."""

CONNECT_SECONDS = 5.0

SILENCE_SECONDS = 15.0
"""A stream that says nothing for this long is lost: it speaks at least every 5 s."""

LATER = {HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS}
"""With these a worker says when to ask again."""

Shape = TypeVar("Shape")
Parameters: TypeAlias = Mapping[str, str | int | Sequence[str]]


class Unreachable(UserError):  # noqa: N818 - a state, not a mistake
    """Nothing answers now, or the connection broke, or what answers is no worker."""


class Busy(UserError):  # noqa: N818 - as above
    """The worker cannot answer now and says when to ask again."""

    def __init__(self, detail: str, retry_after: float) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class Page(NamedTuple):
    """Some of the documents that answer a question, and the `cursor` of the next page; None on the last."""

    documents: list[dict[str, Any]]
    next_cursor: str | None


class Api:
    """The API below the address `url`, while its `async with` block lasts."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http: ClientSession

    async def __aenter__(self) -> Self:
        timeout = ClientTimeout(total=ANSWER_SECONDS, connect=CONNECT_SECONDS)
        self._http = await ClientSession(timeout=timeout, headers=_authorization()).__aenter__()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._http.close()

    async def ask(self, shape: type[Shape], path: str, parameters: Parameters | None = None) -> Shape:
        """Return the answer to GET `path` with these query parameters, those without a value left out.

        Raises:
            Unreachable: see there.
            Busy: see there.
            UserError: the worker refuses the question; its own sentence.
        """
        with self._in_a_sentence():
            async with self._http.get(self.url + API + path, params=_pairs(parameters or {})) as response:
                body = await response.read()
                self._require_ok(response, body)
                return msgspec.json.decode(body, type=shape)

    async def page(self, path: str, name: str, parameters: Parameters) -> Page:
        """Return the documents called `name` in the answer to `path`; see `ask`."""
        answer = await self.ask(dict[str, Any], path, parameters)
        if name not in answer:
            raise self._stranger()
        return Page(answer[name], answer["next_cursor"])

    @asynccontextmanager
    async def stream(
        self, path: str, parameters: Parameters, headers: Mapping[str, str]
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Give the bytes of an event stream as they come.

        Raises:
            Unreachable: also in the midst of it.
            Busy: see there.
            UserError: see `ask`.
        """
        timeout = ClientTimeout(total=None, connect=CONNECT_SECONDS, sock_read=SILENCE_SECONDS)
        asked = self._http.get(
            self.url + API + path, params=_pairs(parameters), headers=dict(headers), timeout=timeout
        )
        with self._in_a_sentence():
            async with asked as response:
                if response.content_type != "text/event-stream":
                    self._require_ok(response, await response.read())
                    raise self._stranger()
                yield response.content.iter_any()

    def _require_ok(self, response: ClientResponse, body: bytes) -> None:
        if response.status == HTTPStatus.OK:
            return
        if response.content_type != "application/problem+json":
            raise self._stranger()
        detail = msgspec.json.decode(body, type=_Problem).detail.removesuffix(".")
        retry_after = response.headers.get("Retry-After", "")
        if response.status in LATER and retry_after.isdecimal():
            raise Busy(f"{detail}.", float(retry_after))
        raise UserError(f"{detail}.")

    @contextmanager
    def _in_a_sentence(self) -> Iterator[None]:
        try:
            yield
        except ClientConnectorError as error:
            raise Unreachable(
                f"Nothing answers at {self.url}: start `iss-agents demo`, or set ISS_URL."
            ) from error
        except TimeoutError as error:
            raise Unreachable(f"{self.url} does not answer in time: try again, or ask for less.") from error
        except (ClientConnectionError, ClientPayloadError) as error:
            raise Unreachable(f"The connection to {self.url} broke off.") from error
        except (ClientError, msgspec.DecodeError, UnicodeDecodeError) as error:
            raise self._stranger() from error

    def _stranger(self) -> Unreachable:
        return Unreachable(f"What answers at {self.url} is no iss-agents: set ISS_URL to the address of one.")


class _Problem(msgspec.Struct):
    detail: str


def _authorization() -> dict[str, str]:
    token = load_settings().read_token
    # An empty one is none.
    return {"Authorization": f"Bearer {token.get_secret_value()}"} if token and len(token) else {}


def _pairs(parameters: Parameters) -> list[tuple[str, Any]]:
    pairs: list[tuple[str, Any]] = []
    for name, value in parameters.items():
        values = [value] if isinstance(value, str | int) else value
        pairs += [(name, one) for one in values if one != ""]
    return pairs
