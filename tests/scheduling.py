"""Order in which the processes of pytest-xdist take the tests.

A file stays in one process, and so does a folder whose files share something that takes long to start.
"""

from collections.abc import Sequence
from itertools import groupby
from pathlib import PurePath

import pytest
from xdist.scheduler import LoadScopeScheduling

SHARED_FOLDERS = {
    "tests/browser",  # one worker with a past, and one Chromium
    "tests/monitoring",  # Prometheus counts seconds: one at a time
    "tests/tools/bench",  # measures what the machine can do: one at a time
}


class FileScheduling(LoadScopeScheduling):  # type: ignore[misc]
    """Gives each process a whole file, or a whole shared folder."""

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid)


def unit_of(nodeid: str) -> str:
    """Return the file of a test, or the folder that it shares."""
    file = PurePath(nodeid.partition("::")[0])
    return next((str(folder) for folder in file.parents if str(folder) in SHARED_FOLDERS), str(file))


def longest_first(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """Return the tests, those units first that may take longest, so that no process is left alone with one."""
    units = [list(unit) for _, unit in groupby(items, lambda item: unit_of(item.nodeid))]
    return [item for unit in sorted(units, key=_longest, reverse=True) for item in unit]


def _longest(unit: Sequence[pytest.Item]) -> float:
    return sum(map(_limit, unit))


def _limit(item: pytest.Item) -> float:
    marker = item.get_closest_marker("timeout")
    return float(marker.args[0] if marker else item.config.getini("timeout"))
