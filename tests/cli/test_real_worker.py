"""The commands read what a real worker says."""

import json
import re
import signal
from pathlib import Path

import pytest

from tests.cli.running import Ran, ended, run, start
from tests.telemetry.words import FIRST_FOUND


async def test_the_status_of_a_worker_is_understood(worker_url: str) -> None:
    ran = await run(worker_url, "status")

    lines = {line[:8].strip(): line[10:] for line in ran.output.splitlines()}
    assert (ran.said, ran.error) == ("", None)
    assert lines["items"] == "4 of 337 measured"
    assert " 43.5 % " in lines["tank"]


async def test_the_items_of_a_worker_are_understood(worker_url: str) -> None:
    ran = await run(worker_url, "items", "urine tank", "--discipline", "ethos")

    head, discipline, tank, _, sentence, name, source = ran.output.splitlines()
    assert (head.split(), discipline) == (["item", "value", "age", "name"], "ETHOS")
    assert tank.startswith("NODE3000005  43.5 %")
    assert tank.endswith("Urine tank level")
    assert sentence.startswith("How full the tank is in which the crew's urine waits")
    assert (name, source[:13]) == ("Official name: Urine Tank Qty", "Source: NASA,")


@pytest.mark.parametrize(("word", "expected"), FIRST_FOUND.items())
async def test_a_layman_finds_what_the_word_means_first(
    worker_url: str, word: str, expected: tuple[str, ...]
) -> None:
    ran = await run(worker_url, "items", word)

    found = re.findall(r"^[A-Z]+_?\d+\S*", ran.output, re.MULTILINE)
    assert tuple(found[: len(expected)]) == expected


@pytest.mark.parametrize(
    "command",
    [("items", "--json", "urine"), ("export", "--item", "NODE3000005", "--force"), ("status", "--json")],
)
async def test_what_a_test_says_is_shown_to_those_who_ask_for_it_alone(
    worker_url: str, tmp_path: Path, command: tuple[str, ...]
) -> None:
    def shown(ran: Ran) -> str:
        return file.read_text() if command[0] == "export" else ran.output

    file = tmp_path / "tank.ndjson"
    arguments = [*command, "-o", file] if command[0] == "export" else command
    told = [shown(await run(worker_url, *arguments, *more)) for more in ((), ("--source", "test"))]

    assert [("43.5" in text, "99" in re.findall(r"\b\d+\b", text)) for text in told] == [
        (True, False),
        (False, True),
    ]


async def test_a_plot_of_tests_says_so(worker_url: str) -> None:
    ran = await run(worker_url, "plot", "NODE3000005", "--source", "test")

    assert "NODE3000005 Urine Tank Qty, % (test)" in ran.output


async def test_events_of_tests_are_other_events(worker_url: str) -> None:
    feed, tests = [await run(worker_url, "events", "--json", *more) for more in ((), ("--source", "test"))]

    assert [json.loads(line)["source"] for line in feed.output.splitlines()] == ["simulated"] * 2
    assert tests.output == ""


async def test_the_stream_of_a_worker_is_understood(worker_url: str) -> None:
    process = await start(worker_url, "tail", "--json", "NODE3000005")
    assert process.stdout
    line = json.loads(await process.stdout.readline())
    process.send_signal(signal.SIGINT)

    assert (line["item_id"], line["value"]) == ("NODE3000005", "43.5")
    assert await ended(process) == (0, "", "")


async def test_the_stream_of_tests_has_what_they_say(worker_url: str) -> None:
    process = await start(worker_url, "tail", "--json", "NODE3000005", "--source", "test")
    assert process.stdout
    line = json.loads(await process.stdout.readline())
    process.send_signal(signal.SIGINT)

    assert (line["value"], line["source"], (await ended(process))[0]) == ("99", "test", 0)
