"""Variables that are no settings, and secrets that can be guessed."""

from iss_agents.doctor.findings import Finding, ok, warning
from iss_agents.settings import Settings, unknown_variables

SHORTEST_TOKEN = 16
"""Characters; 16 of hexadecimal digits are 64 bits, which nobody tries out over a network."""


async def check(settings: Settings) -> list[Finding]:
    """Return what of the environment and of `.env` is wrong; values that are none do not get so far."""
    unknown = [warning(f"{sentence.rstrip('.')}: correct or remove it.") for sentence in unknown_variables()]
    return [*unknown, *_short(settings)] or [ok("Every variable is a setting.")]


def _short(settings: Settings) -> list[Finding]:
    token = settings.ingest_token.get_secret_value() if settings.ingest_token else None
    if token is None or len(token) >= SHORTEST_TOKEN:
        return []
    sentence = f"ISS_INGEST_TOKEN has {len(token)} characters and can be guessed"
    return [
        warning(f"{sentence}: set one of at least {SHORTEST_TOKEN}, such as `openssl rand -hex 32` prints.")
    ]
