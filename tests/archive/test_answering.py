"""The proxy before a database leaves no connection open, whenever it ends."""

import asyncio
import gc
import warnings

import pytest

from tests.archive.answering import Command, answering


async def say_nothing(_command: Command) -> None:
    return None


async def test_a_proxy_that_ends_while_it_connects_closes_what_was_opened(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with warnings.catch_warnings():
        # Those of other tests.
        warnings.simplefilter("ignore")
        gc.collect()
    connect = asyncio.open_connection
    connecting = asyncio.Event()

    async def never(*_address: object) -> None:
        loop.call_soon_threadsafe(connecting.set)
        await asyncio.Event().wait()

    loop = asyncio.get_running_loop()
    monkeypatch.setattr("tests.archive.answering.asyncio.open_connection", never)
    async with answering("mongodb://127.0.0.1:1/", say_nothing) as address:
        port = int(address.rsplit(":", 1)[1].partition("/")[0])
        _, writer = await connect("127.0.0.1", port)
        await connecting.wait()
    writer.close()

    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        gc.collect()
    assert [str(one.message) for one in warned if "unclosed transport" in str(one.message)] == []
