"""A real worker's views over a real database, for the commands to ask."""

from collections.abc import Iterator

import pytest

from tests.web.world import world


@pytest.fixture(scope="session")
def worker_url(mongo_url: str) -> Iterator[str]:
    """The address of a worker that has seen something of everything."""
    with world(mongo_url) as address:
        yield address
