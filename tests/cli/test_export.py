"""`iss-agents export`: whole files only, whatever interrupts it, and the same as the API's own."""

import asyncio
import errno
import fcntl
import json
import os
import signal
import stat
from io import FileIO
from pathlib import Path

import pytest
from aiohttp import ClientSession
from aiohttp.web import Request, StreamResponse
from pyarrow.parquet import ParquetFile, read_table

from iss_agents.cli import export as exporting
from iss_agents.cli.resumable_file import Progress, Query, part_of, partial_file, put_in_place
from iss_agents.errors import UserError
from tests.cli.double import Handler, Pages, break_off, problem, serving, stamp
from tests.cli.running import ended, run, start
from tests.waiting import until

SPAN = ("--from", "2026-08-11T12:00:00Z", "--to", "2026-08-11T13:00:00Z")
READINGS = 25
ENDINGS = [".csv", ".ndjson", ".parquet"]


async def whole(file: Path) -> bytes:
    """Return what an export writes that nothing interrupts."""
    async with serving(telemetry=Pages(READINGS, 10).answer) as url:
        ran = await run(url, "export", "--item", "NODE3000005", *SPAN, "-o", file)
    assert ran == (f"{file}: 25 readings.\n", "", None)
    return await asyncio.to_thread(file.read_bytes)


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def say_busy(_request: Request) -> StreamResponse:
    return problem(503, "The database is away", Retry_After="0")


async def say_never(_request: Request) -> StreamResponse:
    return problem(503, "This worker does not run the role archive")


def hang(reached: asyncio.Event) -> Handler:
    async def answer(request: Request) -> StreamResponse:
        reached.set()
        await until(lambda: request.transport is None)
        raise AssertionError("nobody waits for the answer")

    return answer


@pytest.mark.parametrize("form", ["csv", "ndjson"])
async def test_a_file_is_the_same_as_the_one_of_the_api(
    form: str, worker_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "PAGE", 2)
    file = tmp_path / f"all.{form}"

    ran = await run(worker_url, "export", "--from", "-1h", "-o", file)

    async with ClientSession() as http:
        answer = await http.get(f"{worker_url}/api/v1/telemetry?from=-1h&format={form}")
        assert file.read_bytes() == await answer.read()
    assert ran == (f"{file}: 5 readings.\n", "", None)
    assert left_in(tmp_path) == [file.name]


async def test_every_column_of_a_parquet_file_has_its_type(tmp_path: Path) -> None:
    await whole(tmp_path / "tank.parquet")

    table = read_table(tmp_path / "tank.parquet")
    kinds = {field.name: str(field.type) for field in table.schema}
    assert kinds.pop("source_ts") == kinds.pop("ingest_ts") == "timestamp[ms, tz=UTC]"
    assert (kinds.pop("number"), kinds.pop("snapshot"), set(kinds.values())) == ("double", "bool", {"string"})
    assert table.column("number").to_pylist() == [float(number) for number in range(READINGS)]
    assert table.column("source_ts")[3].as_py().isoformat() == "2026-08-11T12:00:03+00:00"
    assert table.column("value")[3].as_py() == '3,"'
    assert left_in(tmp_path) == ["tank.parquet"]


@pytest.mark.parametrize("ending", ENDINGS)
async def test_a_lost_server_keeps_what_has_come_and_the_same_command_goes_on(
    ending: str, tmp_path: Path
) -> None:
    expected = await whole(tmp_path / f"whole{ending}")
    folder = tmp_path / "cut"
    folder.mkdir()
    file = folder / f"tank{ending}"
    pages = Pages(READINGS, 10)
    pages.in_between = {20: [break_off]}

    async with serving(telemetry=pages.answer) as url:
        lost = await run(url, "export", "--item", "NODE3000005", *SPAN, "-o", file)
        left = left_in(folder)
        resumed = await run(url, "export", "--item", "NODE3000005", *SPAN, "-o", file)

    kept = f"20 readings are kept in {file}.part: the same command goes on."
    assert lost.error == f"The connection to {url} broke off. {kept}"
    assert left == [f"tank{ending}.part", f"tank{ending}.part.json"]
    span = f"{stamp(0)} to {stamp(3600)}"
    assert resumed == (f"{file}: 25 readings.\n", f"Going on after 20 readings; the span is {span}.\n", None)
    assert left_in(folder) == [f"tank{ending}"]
    assert file.read_bytes() == expected
    assert [each.get("cursor") for each in pages.asked] == [None, "10", "20", "20"]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
async def test_a_program_that_is_killed_goes_on_and_what_was_half_written_is_cut_off(
    number: signal.Signals, tmp_path: Path
) -> None:
    expected = await whole(tmp_path / "whole.csv")
    file = tmp_path / "tank.csv"
    reached = asyncio.Event()
    pages = Pages(READINGS, 10)
    pages.in_between = {10: [hang(reached)]}

    async with serving(telemetry=pages.answer) as url:
        arguments = ("export", "--item", "NODE3000005", *SPAN, "-o", file)
        process = await start(url, *arguments)
        await asyncio.wait_for(reached.wait(), 30)
        process.send_signal(number)
        code, output, errors = await ended(process)
        if number is signal.SIGKILL:
            with (tmp_path / "tank.csv.part").open("ab") as part:
                part.write(b"half a li")
        resumed = await run(url, *arguments)

    kept = f"10 readings are kept in {file}.part: the same command goes on."
    said = f"iss-agents: Stopped. {kept}\n" if number is signal.SIGINT else ""
    assert (code, output, errors) == (1 if said else -9, "", said)
    assert resumed.output == f"{file}: 25 readings.\n"
    assert file.read_bytes() == expected


async def test_what_only_could_not_be_finished_is_not_fetched_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = await whole(tmp_path / "whole.parquet")
    file = tmp_path / "tank.parquet"
    pages = Pages(READINGS, 10)

    async with serving(telemetry=pages.answer) as url:
        arguments = ("export", "--item", "NODE3000005", *SPAN, "-o", file)
        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", _full)
            refused = await run(url, *arguments)
        await run(url, *arguments)

    assert refused.error == (
        f"Cannot write {file} (No space left on device). "
        f"25 readings are kept in {file}.part: the same command goes on."
    )
    assert len(pages.asked) == 3
    assert file.read_bytes() == expected
    assert left_in(tmp_path) == ["tank.parquet", "whole.parquet"]


def _full(path: Path, target: Path) -> Path:
    if target.suffix == ".parquet":
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    os.replace(path, target)  # noqa: PTH105 - stands in for the method
    return target


async def test_a_worker_that_is_busy_is_asked_again(tmp_path: Path) -> None:
    expected = await whole(tmp_path / "whole.csv")
    pages = Pages(READINGS, 10)
    pages.in_between = {0: [say_busy], 10: [say_busy, say_busy]}

    async with serving(telemetry=pages.answer) as url:
        ran = await run(url, "export", "--item", "NODE3000005", *SPAN, "-o", tmp_path / "tank.csv")

    assert ran.said == "The database is away. Trying again; Ctrl-C keeps what is there.\n" * 2
    assert (tmp_path / "tank.csv").read_bytes() == expected


async def test_nothing_is_left_of_an_export_that_never_began(tmp_path: Path) -> None:
    async with serving(telemetry=say_never) as url:
        ran = await run(url, "export", "-o", tmp_path / "all.csv")

    assert ran.error == "This worker does not run the role archive."
    assert left_in(tmp_path) == []


async def test_no_readings_are_a_whole_file_too(tmp_path: Path) -> None:
    async with serving(telemetry=Pages(0, 10).answer) as url:
        outputs = [(await run(url, "export", "-o", tmp_path / f"no{ending}")).output for ending in ENDINGS]

    assert outputs == [f"{tmp_path}/no{ending}: 0 readings.\n" for ending in ENDINGS]
    assert (tmp_path / "no.csv").read_text().count("\n") == 1
    assert (tmp_path / "no.ndjson").read_bytes() == b""
    assert ParquetFile(tmp_path / "no.parquet").metadata.num_rows == 0


async def test_a_file_that_is_there_is_replaced_only_by_force(tmp_path: Path) -> None:
    file = tmp_path / "tank.csv"
    file.write_text("mine")

    async with serving(telemetry=Pages(1, 10).answer) as url:
        refused = await run(url, "export", *SPAN, "-o", file)
        kept = file.read_text()
        forced = await run(url, "export", *SPAN, "-o", file, "--force")

    assert refused.error == f"{file} is there already: choose another name, or add --force to replace it."
    assert kept == "mine"
    assert forced.output == f"{file}: 1 readings.\n"
    assert left_in(tmp_path) == ["tank.csv"]


async def test_two_exports_to_one_file_do_not_meet(tmp_path: Path) -> None:
    reached = asyncio.Event()
    pages = Pages(READINGS, 10)
    pages.in_between = {10: [hang(reached)]}

    async with serving(telemetry=pages.answer) as url:
        arguments = ("export", *SPAN, "-o", tmp_path / "tank.csv")
        first = await start(url, *arguments)
        await asyncio.wait_for(reached.wait(), 30)
        second = await run(url, *arguments)
        first.kill()
        await first.communicate()

    assert second.error == f"Another iss-agents is writing {tmp_path}/tank.csv."


def test_a_part_that_becomes_the_file_at_that_moment_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "tank.csv"
    part_of(file).write_bytes(b"whole")
    lock = fcntl.flock

    def finished_before(part: FileIO, operation: int) -> None:
        part_of(file).rename(file)
        lock(part, operation)

    monkeypatch.setattr(fcntl, "flock", finished_before)
    fresh = Progress(
        Query("http://here", [], "-1h", "-0s"), "2026-08-11T12:00:00.000Z", "2026-08-11T13:00:00.000Z"
    )
    with (
        pytest.raises(UserError, match=r"^Another iss-agents has just made .*/tank\.csv\.$"),
        partial_file(file, fresh, force=True, resume=False),
    ):
        pytest.fail("the file of the other is begun anew")

    assert file.read_bytes() == b"whole"


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("missing/a.csv", "Cannot write {}/missing/a.csv.part (No such file or directory)."),
        ("a.txt", "The name 'a.txt' should end in .csv, .ndjson, .parquet."),
        ("folder.csv", "{}/folder.csv is a folder: name a file in it."),
    ],
)
async def test_a_file_that_cannot_be_is_named(name: str, error: str, tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()

    ran = await run("http://127.0.0.1:1", "export", "-o", tmp_path / name)

    assert ran.error == error.format(tmp_path)


async def test_a_full_disk_keeps_whole_pages_and_the_same_command_goes_on(tmp_path: Path) -> None:
    expected = await whole(tmp_path / "whole.csv")
    file = tmp_path / "tank.csv"
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1500, 1500))"

    async with serving(telemetry=Pages(READINGS, 10).answer) as url:
        arguments = ("export", "--item", "NODE3000005", *SPAN, "-o", file)
        code, _, errors = await ended(await start(url, *arguments, after=limit))
        kept = json.loads((tmp_path / "tank.csv.part.json").read_bytes())
        await run(url, *arguments)

    assert (code, kept["readings"]) == (1, 10)
    assert errors == (
        f"iss-agents: Cannot write {file}.part (File too large). "
        f"10 readings are kept in {file}.part: the same command goes on.\n"
    )
    assert file.read_bytes() == expected


def test_the_name_of_a_finished_file_is_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    part, file = tmp_path / "a.part", tmp_path / "a"
    part.write_text("whole")
    synced: list[tuple[bool, bool]] = []

    def fsync(descriptor: int) -> None:
        synced.append((stat.S_ISDIR(os.fstat(descriptor).st_mode), file.exists()))

    monkeypatch.setattr(os, "fsync", fsync)
    put_in_place(part, file)

    assert synced == [(True, True)]
    assert file.read_text() == "whole"
