"""What the worker at ISS_URL says of itself."""

from http import HTTPStatus

import msgspec
from aiohttp import ClientError, ClientSession, ClientTimeout

from iss_agents.cli.api import authorization
from iss_agents.config.settings import Settings
from iss_agents.tools.doctor.findings import Finding, failing, ok, warning

ANSWER_SECONDS = 5.0


class _Part(msgspec.Struct):
    ok: bool
    detail: str


class _Health(msgspec.Struct):
    parts: dict[str, _Part]


async def check(settings: Settings) -> list[Finding]:
    """Return which parts of the worker do not work."""
    try:
        status, body = await _health(settings)
    except (ClientError, TimeoutError):
        sentence = f"No worker answers at {settings.url}"
        return [warning(f"{sentence}: start one with the role web, or set ISS_URL to the address of one.")]
    try:
        parts = msgspec.json.decode(body, type=_Health).parts
    except msgspec.DecodeError:
        sentence = f"What answers at {settings.url} is not an iss-agents worker"
        return [failing(f"{sentence}: set ISS_URL to the address of a worker.")]
    say = warning if status == HTTPStatus.OK else failing
    return [
        say(f"{name} of the worker at {settings.url} does not work: {part.detail}")
        for name, part in parts.items()
        if not part.ok
    ] or [ok(f"The worker at {settings.url} is healthy.")]


async def _health(settings: Settings) -> tuple[int, bytes]:
    # Only readers are told what is wrong.
    token = settings.read_token.get_secret_value() if settings.read_token else ""
    headers = authorization(settings.url, token)
    timeout = ClientTimeout(total=ANSWER_SECONDS)
    async with (
        ClientSession(timeout=timeout, headers=headers) as http,
        http.get(f"{settings.url}/healthz") as answer,
    ):
        return answer.status, await answer.read()
