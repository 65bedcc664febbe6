"""Environment checks: Python, libraries, unknown variables, secrets that can be guessed."""

import platform
from importlib.metadata import PackageNotFoundError, metadata, requires, version

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from iss_agents.config.settings import Settings, unknown_variables
from iss_agents.tools.doctor.findings import Finding, failing, ok, warning

PACKAGE = "iss-agents"
MEND = "run `uv sync --locked`"

SHORTEST_TOKEN = 16
"""Characters; 16 hexadecimal digits are 64 bits, too many to try over a network."""


async def check_versions(_settings: Settings) -> list[Finding]:
    """Return which versions are not those that the package names."""
    wrong = [*_of_python(), *_of_libraries()]
    return wrong or [ok(f"Python {platform.python_version()} and every library are as {PACKAGE} wants them.")]


def _of_python() -> list[Finding]:
    wanted, running = metadata(PACKAGE)["Requires-Python"], platform.python_version()
    if running in SpecifierSet(wanted):
        return []
    return [failing(f"Python is {running} and should be {wanted}: {MEND} with such a Python.")]


def _of_libraries() -> list[Finding]:
    wanted = [Requirement(line) for line in requires(PACKAGE) or []]
    return [found for each in wanted if (found := _of_library(each))]


def _of_library(wanted: Requirement) -> Finding | None:
    try:
        installed = version(wanted.name)
    except PackageNotFoundError:
        return failing(f"The library {wanted.name} is missing: {MEND}.")
    if wanted.specifier.contains(installed, prereleases=True):
        return None
    return failing(f"The library {wanted.name} is {installed} and should be {wanted.specifier}: {MEND}.")


async def check_variables(settings: Settings) -> list[Finding]:
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
