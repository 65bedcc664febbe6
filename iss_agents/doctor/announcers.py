"""Whether those who are told of a use can be reached. Nothing is posted."""

import asyncio
from urllib.parse import urlsplit

from iss_agents.doctor.findings import Finding, failing, ok
from iss_agents.settings import Settings

PORTS = {"http": 80, "https": 443}
ANSWER_SECONDS = 5.0


async def check(settings: Settings) -> list[Finding]:
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
