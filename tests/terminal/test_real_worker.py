"""The commands read what a real worker says."""

import json
import signal

from tests.terminal.running import ended, run, start


async def test_the_status_of_a_worker_is_understood(worker_url: str) -> None:
    ran = await run(worker_url, "status")

    lines = {line[:8].strip(): line[10:] for line in ran.output.splitlines()}
    assert (ran.said, ran.error) == ("", None)
    assert lines["items"] == "4 of 337 measured"
    assert " 43.5 % " in lines["tank"]


async def test_the_items_of_a_worker_are_understood(worker_url: str) -> None:
    ran = await run(worker_url, "items", "urine tank", "--discipline", "ethos")

    head, discipline, tank = ran.output.splitlines()
    assert (head.split(), discipline) == (["item", "value", "age", "name"], "ETHOS")
    assert tank.startswith("NODE3000005  43.5 %")


async def test_the_stream_of_a_worker_is_understood(worker_url: str) -> None:
    process = await start(worker_url, "tail", "--json", "NODE3000005")
    assert process.stdout
    line = json.loads(await process.stdout.readline())
    process.send_signal(signal.SIGINT)

    assert (line["item_id"], line["value"]) == ("NODE3000005", "43.5")
    assert await ended(process) == (0, "", "")
