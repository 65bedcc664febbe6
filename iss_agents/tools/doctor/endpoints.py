"""Endpoint checks: whether the feed, and X or the webhook, can be reached. Nothing is posted."""

import asyncio
from datetime import datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from urllib.parse import urlsplit

from aiohttp import ClientError

from iss_agents.config.settings import Settings
from iss_agents.feed.reachability import ask, explain
from iss_agents.tools.doctor.findings import Finding, NotCheckedError, failing, ok, warning

ANSWER_SECONDS = 5.0
PORTS = {"http": 80, "https": 443}


async def check_feed(settings: Settings) -> list[Finding]:
    """Return whether the Lightstreamer server can be reached from here; `feed-check` judges what it sends."""
    if settings.feed == "off":
        return [ok("ISS_FEED is off: this machine does not run the feed.")]
    try:
        answer = await ask(settings.feed_url)
    except (ClientError, TimeoutError) as error:
        sentence = f"The feed at {settings.feed_url} cannot be reached ({explain(error)})"
        return [failing(f"{sentence}: check the network and its firewall, or correct ISS_FEED_URL.")]
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return [
            warning(f"The feed at {settings.feed_url} answers {answer.status}: wait, it comes back by itself.")
        ]
    return [ok(f"The feed answers at {settings.feed_url}.")]


async def date_of_feed(settings: Settings) -> datetime:
    """Return the time of the feed's server.

    Raises:
        NotCheckedError: it does not say.
    """
    try:
        return parsedate_to_datetime((await ask(settings.feed_url)).headers["Date"])
    except (ClientError, TimeoutError, KeyError, ValueError) as error:
        raise NotCheckedError("the feed did not answer") from error


async def check_announcers(settings: Settings) -> list[Finding]:
    """Return whether X, or the webhook, takes a connection. Only a post shows whether X takes the keys."""
    if settings.x_keys:
        return [await _reached("X", settings.x_url, "ISS_X_URL")]
    if settings.webhook_url:
        return [await _reached("The webhook", settings.webhook_url.get_secret_value(), "ISS_WEBHOOK_URL")]
    return [ok("A dry run: neither keys of X nor a webhook are set.")]


async def _reached(who: str, address: str, variable: str) -> Finding:
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            await _connect(address)
    except (OSError, TimeoutError, ValueError) as error:
        # Not the address: a webhook's is a secret.
        sentence = f"{who} cannot be reached ({type(error).__name__})"
        return failing(f"{sentence}: check the network and its firewall, or correct {variable}.")
    return ok(f"{who} can be reached.")


async def _connect(address: str) -> None:
    parts = urlsplit(address)
    port = parts.port or PORTS.get(parts.scheme, 443)
    tls = True if parts.scheme == "https" else None
    _, writer = await asyncio.open_connection(parts.hostname, port, ssl=tls)
    writer.close()
    await writer.wait_closed()
