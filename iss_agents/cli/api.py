"""API client of a worker; every failure is one sentence for the person who typed the command."""

import zlib
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import partial
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection, IncompleteRead
from typing import Any, NamedTuple, TypeAlias, TypeVar
from urllib.parse import unquote, urlencode, urljoin, urlsplit

import msgspec

from iss_agents.config.worker_address import load_worker_address
from iss_agents.errors import UserError

API = "/api/v1"

ANSWER_SECONDS = 30.0
"""Longest wait for a document; the database works at most 5 s on a page."""

CONNECT_SECONDS = 5.0

SILENCE_SECONDS = 15.0
"""A stream that is silent for this long is lost: events arrive at least every 5 s."""

LATER = {HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS}
"""With these statuses a worker says when to retry."""

CHUNK_BYTES = 65_536
"""Most of a stream that is read at once."""

GZIP_FORMAT = zlib.MAX_WBITS | 16

Shape = TypeVar("Shape")
Parameters: TypeAlias = Mapping[str, str | int | Sequence[str]]


class UnreachableError(UserError):
    """Nothing answers, the connection broke, or what answers is not a worker."""


class BusyError(UserError):
    """The worker cannot answer now, and says when to retry."""

    def __init__(self, detail: str, retry_after: float) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class Page(NamedTuple):
    """A page of documents, and the cursor of the next page; None on the last."""

    documents: list[dict[str, Any]]
    next_cursor: str | None


class Api:
    """API at the address `url`, by a connection per request.

    The standard library's client is enough for one request at a time, and takes a tenth of aiohttp's time to
    import.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._parts = urlsplit(url)
        self._authorization = authorization(url, load_worker_address().read_token) | _user_of(url)

    def ask(self, shape: type[Shape], path: str, parameters: Parameters | None = None) -> Shape:
        """Return the answer to GET `path` with these query parameters, those without a value left out.

        Raises:
            UnreachableError: see there.
            BusyError: see there.
            UserError: the worker rejects the request; in its own words.
        """
        headers = {"Accept-Encoding": "gzip"}
        with self._response(path, parameters or {}, headers, ANSWER_SECONDS) as response:
            body = _body(response)
            self._require_ok(response, body)
            return msgspec.json.decode(body, type=shape)

    def page(self, path: str, name: str, parameters: Parameters) -> Page:
        """Return the documents called `name` in the answer to `path`; see `ask`."""
        answer = self.ask(dict[str, Any], path, parameters)
        if name not in answer:
            raise self._stranger()
        return Page(answer[name], answer["next_cursor"])

    @contextmanager
    def stream(
        self, path: str, parameters: Parameters, headers: Mapping[str, str]
    ) -> Iterator[Iterator[bytes]]:
        """Yield the bytes of an event stream as they arrive.

        Raises:
            UnreachableError: also in the middle of the stream.
            BusyError: see there.
            UserError: see `ask`.
        """
        with self._response(path, parameters, headers, SILENCE_SECONDS) as response:
            if response.headers.get_content_type() != "text/event-stream":
                self._require_ok(response, _body(response))
                raise self._stranger()
            yield iter(partial(response.read1, CHUNK_BYTES), b"")

    @contextmanager
    def _response(
        self, path: str, parameters: Parameters, headers: Mapping[str, str], silence_seconds: float
    ) -> Iterator[HTTPResponse]:
        target = f"{self._parts.path}{API}{path}?{urlencode(_pairs(parameters))}"
        with self._in_a_sentence(), closing(self._connected()) as connection:
            connection.sock.settimeout(silence_seconds)
            connection.request("GET", target, headers={**self._authorization, **headers})
            yield connection.getresponse()

    def _connected(self) -> HTTPConnection:
        connection_type = HTTPSConnection if self._parts.scheme == "https" else HTTPConnection
        # Without a port, it would take the last part of an IPv6 address for one.
        port = self._parts.port or connection_type.default_port
        connection = connection_type(self._parts.hostname or "", port, timeout=CONNECT_SECONDS)
        try:
            connection.connect()
        except TimeoutError:
            raise
        except OSError as error:  # also of TLS
            raise UnreachableError(
                f"Nothing answers at {self.url}: start `iss-agents demo`, or set ISS_URL."
            ) from error
        return connection

    def _require_ok(self, response: HTTPResponse, body: bytes) -> None:
        if response.status == HTTPStatus.OK:
            return
        if location := response.headers["Location"]:
            raise self._moved(location)
        if response.headers.get_content_type() != "application/problem+json":
            raise self._stranger()
        detail = msgspec.json.decode(body, type=_Problem).detail.removesuffix(".")
        retry_after = response.headers.get("Retry-After", "")
        if response.status in LATER and retry_after.isdecimal():
            raise BusyError(f"{detail}.", float(retry_after))
        raise UserError(f"{detail}.")

    @contextmanager
    def _in_a_sentence(self) -> Iterator[None]:
        try:
            yield
        except TimeoutError as error:
            raise UnreachableError(
                f"{self.url} does not answer in time: try again, or ask for less."
            ) from error
        except (OSError, IncompleteRead) as error:
            raise UnreachableError(f"The connection to {self.url} broke off.") from error
        except (HTTPException, zlib.error, msgspec.DecodeError, UnicodeDecodeError) as error:
            raise self._stranger() from error

    def _stranger(self) -> UnreachableError:
        return UnreachableError(
            f"What answers at {self.url} is not an iss-agents worker: set ISS_URL to the address of one."
        )

    def _moved(self, location: str) -> UnreachableError:
        # Not followed: it would bring the token to wherever an answer says.
        there = urlsplit(urljoin(self.url, location))
        return UnreachableError(
            f"{self.url} redirects to {there.scheme}://{there.netloc}: set ISS_URL to the new address."
        )


class _Problem(msgspec.Struct):
    detail: str


def authorization(url: str, read_token: str) -> dict[str, str]:
    """Return the header with the read token; none if the address of the worker contains a user."""
    if not read_token or urlsplit(url).username is not None:
        return {}
    return {"Authorization": f"Bearer {read_token}"}


def _user_of(url: str) -> dict[str, str]:
    parts = urlsplit(url)
    if parts.username is None:
        return {}
    user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"Authorization": f"Basic {b64encode(user.encode()).decode()}"}


def _body(response: HTTPResponse) -> bytes:
    body = response.read()
    return zlib.decompress(body, GZIP_FORMAT) if response.headers["Content-Encoding"] == "gzip" else body


def _pairs(parameters: Parameters) -> list[tuple[str, Any]]:
    pairs: list[tuple[str, Any]] = []
    for name, value in parameters.items():
        values = [value] if isinstance(value, str | int) else value
        pairs += [(name, one) for one in values if one != ""]
    return pairs
