"""A stand-in for X on a free port."""

from collections.abc import AsyncIterator

import pytest

from tests.announcers.fake_x import FakeX


@pytest.fixture
async def fake_x() -> AsyncIterator[FakeX]:
    """A server that answers like X until it is told otherwise."""
    server = await FakeX().start()
    yield server
    await server.stop()
