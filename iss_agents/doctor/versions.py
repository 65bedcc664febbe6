"""Python and the libraries against what this version was made for."""

import platform
from importlib.metadata import PackageNotFoundError, metadata, requires, version

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from iss_agents.doctor.findings import Finding, failing, ok
from iss_agents.settings import Settings

PACKAGE = "iss-agents"
MEND = "run `uv sync --locked`"


async def check(_settings: Settings) -> list[Finding]:
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
