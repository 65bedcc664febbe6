import asyncio
import json
import signal
import sys
from pathlib import Path
from time import monotonic

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from click.testing import CliRunner

from iss_agents.errors import UserError
from iss_agents.simulator.commands import simulate
from iss_agents.simulator.station import Station
from tests.simulator.listening import Listening
from tests.waiting import until

PROGRAM = "from iss_agents.simulator.commands import simulate; simulate()"


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
async def test_station_of_the_command_plays_the_whole_catalogue_and_ends_at_once(stop: signal.Signals) -> None:
    arguments = (PROGRAM, "--port", "0", "--rate", "500")
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-c", *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    assert program.stdout
    line = (await program.stdout.readline()).decode()
    listening = Listening(line.removeprefix("Simulated station on ").strip(), ["TIME_000001", "NODE3000005"])
    listening.connect()
    await until(lambda: len(listening.seen) >= 3)
    begin = monotonic()
    program.send_signal(stop)
    _, errors = await program.communicate()
    listening.client.disconnect()

    assert (program.returncode, errors) == (0, b"")
    assert monotonic() - begin < 2
    await until(lambda: listening.client.getStatus() == "DISCONNECTED")


async def test_taken_port_is_one_sentence(station: Station) -> None:
    port = station.url.rpartition(":")[2]
    result = await asyncio.to_thread(CliRunner().invoke, simulate, ["--port", port], standalone_mode=False)

    assert isinstance(result.exception, UserError)
    assert str(result.exception).startswith(f"Cannot listen on 127.0.0.1:{port} (")


def test_broken_recording_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "feed.jsonl"
    path.write_text("{}\n")
    result = CliRunner().invoke(simulate, ["--port", "0", "--recording", str(path)])

    assert isinstance(result.exception, UserError)
    assert str(result.exception).startswith(f"{path}, line 1: ")


async def test_fault_is_triggered_by_command(station: Station) -> None:
    arguments = ["fault", "refuse", "--seconds", "30", "--url", station.url]
    result = await asyncio.to_thread(CliRunner().invoke, simulate, arguments)

    assert json.loads(result.output) == {"fault": "refuse", "seconds": 30.0}
    async with ClientSession() as http:
        answer = await http.post(
            f"{station.url}/lightstreamer/create_session.txt", data="LS_adapter_set=ISSLIVE"
        )
        assert await answer.text() == "CONERR,5,New sessions are refused\r\n"


async def test_fault_goes_to_the_port_that_is_named_before_it(station: Station) -> None:
    arguments = ["--port", station.url.rpartition(":")[2], "fault", "recover"]
    result = await asyncio.to_thread(CliRunner().invoke, simulate, arguments)

    assert json.loads(result.output) == {"fault": "recover"}


async def test_unknown_fault_is_one_sentence(station: Station) -> None:
    arguments = ["fault", "fire", "--url", station.url]
    result = await asyncio.to_thread(CliRunner().invoke, simulate, arguments)

    assert isinstance(result.exception, UserError)
    assert str(result.exception).startswith("There is no fault 'fire'; there are los, ")


@pytest.mark.parametrize("body", ["<h1>Hello</h1>", '{"title": "Not Found", "status": 404, "detail": "gone"}'])
async def test_fault_at_an_address_of_something_else_is_one_sentence(body: str) -> None:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=404, text=body)

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(application) as server:
        url = str(server.make_url(""))
        arguments = ["fault", "los", "--url", url]
        result = await asyncio.to_thread(CliRunner().invoke, simulate, arguments)

    assert isinstance(result.exception, UserError)
    assert str(result.exception) == f"What answers at {url} is not a simulated station."


@pytest.mark.parametrize("url", ["station", "http://", "http://127.0.0.1:x"])
def test_fault_at_an_address_that_is_none_is_one_sentence(url: str) -> None:
    result = CliRunner().invoke(simulate, ["fault", "los", "--url", url])

    assert isinstance(result.exception, UserError)
    assert str(result.exception).startswith(f"No simulated station answers at {url} (")


async def test_fault_without_a_station_is_one_sentence() -> None:
    station = await Station().start()
    await station.stop()
    arguments = ["fault", "los", "--url", station.url]
    result = await asyncio.to_thread(CliRunner().invoke, simulate, arguments)

    assert isinstance(result.exception, UserError)
    assert str(result.exception).startswith(f"No simulated station answers at {station.url} (")
