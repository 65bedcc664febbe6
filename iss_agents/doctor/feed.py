"""Whether the feed's server answers."""

from datetime import datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout

from iss_agents.doctor.findings import Finding, NotLookedAt, failing, ok, warning
from iss_agents.settings import Settings

ANSWER_SECONDS = 5.0


async def check(settings: Settings) -> list[Finding]:
    """Return whether the Lightstreamer server can be reached from here; `feed-check` judges what it sends."""
    if settings.feed == "off":
        return [ok("ISS_FEED is off: this machine does not run the feed.")]
    try:
        answer = await _answer(settings)
    except (ClientError, TimeoutError) as error:
        sentence = f"The feed at {settings.feed_url} cannot be reached ({str(error) or type(error).__name__})"
        return [failing(f"{sentence}: check the network and its firewall, or correct ISS_FEED_URL.")]
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return [
            warning(f"The feed at {settings.feed_url} answers {answer.status}: wait, it comes back by itself.")
        ]
    return [ok(f"The feed answers at {settings.feed_url}.")]


async def date_of_feed(settings: Settings) -> datetime:
    """Return what time the feed's server says it is.

    Raises:
        NotLookedAt: it does not say.
    """
    try:
        return parsedate_to_datetime((await _answer(settings)).headers["Date"])
    except (ClientError, TimeoutError, KeyError, ValueError) as error:
        raise NotLookedAt("the feed did not answer") from error


async def _answer(settings: Settings) -> ClientResponse:
    timeout = ClientTimeout(total=ANSWER_SECONDS)
    # By the proxy of the environment, as the feed's own client.
    async with ClientSession(timeout=timeout) as http, http.get(settings.feed_url) as answer:
        return answer
