"""HTTP reachability of the feed's server: why it cannot be used.

The Lightstreamer client reports only that it will retry.
"""

import os
import ssl

from aiohttp import (
    ClientConnectorCertificateError,
    ClientConnectorDNSError,
    ClientConnectorError,
    ClientError,
    ClientHttpProxyError,
    ClientProxyConnectionError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
)

ANSWER_SECONDS = 5.0


async def ask(url: str) -> ClientResponse:
    """Return the answer of the server at `url`, through the proxy of the environment like the feed.

    Raises:
        ClientError, TimeoutError: it cannot be reached.
    """
    timeout = ClientTimeout(total=ANSWER_SECONDS)
    async with ClientSession(timeout=timeout, trust_env=True) as http, http.get(url) as answer:
        return answer


async def why_unreachable(url: str) -> str:
    """Return why the server at `url` cannot be used, in a few words; empty if it answers normally."""
    try:
        answer = await ask(url)
    except (ClientError, TimeoutError) as error:
        return explain(error)
    return f"it answers {answer.status} {answer.reason}" if answer.status >= 500 else ""  # noqa: PLR2004 - HTTP


def explain(error: ClientError | TimeoutError) -> str:  # noqa: PLR0911 - one for each kind of failure
    """Return why a request failed, in a few words."""
    match error:
        case ClientHttpProxyError():
            return f"the proxy answers {error.status} {error.message}"
        case ClientProxyConnectionError():
            return f"the proxy at {error.host}:{error.port} does not answer: {_os_error(error)}"
        case ClientConnectorDNSError():
            return f"the name {error.host} is not known"
        case ClientConnectorCertificateError():
            return f"its certificate is not valid: {_certificate_error(error)}"
        case ClientConnectorError():
            return _os_error(error)
        case TimeoutError():
            return f"no answer within {ANSWER_SECONDS:g} s"
        case _:
            return str(error) or type(error).__name__


def _os_error(error: ClientConnectorError) -> str:
    # asyncio's own text repeats the address.
    number = error.os_error.errno
    return os.strerror(number).lower() if number else str(error.os_error)


def _certificate_error(error: ClientConnectorCertificateError) -> str:
    reason = error.certificate_error
    return reason.verify_message if isinstance(reason, ssl.SSLCertVerificationError) else str(reason)
