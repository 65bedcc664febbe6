"""`iss-agents export`: what was begun is gone on with only if it is what is meant now."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from iss_agents.cli.resumable_file import Progress, Query, partial_file, sidecar
from iss_agents.errors import UserError
from iss_agents.local_stack.ports import free_port
from iss_agents.telemetry.station_clock import rfc3339
from tests.cli.double import Pages, break_off, serving, serving_at
from tests.cli.running import run
from tests.cli.test_export import READINGS, SPAN


async def test_a_relative_span_is_fixed_when_the_export_begins(tmp_path: Path) -> None:
    pages = Pages(READINGS, 10)
    pages.in_between = {20: [break_off]}

    async with serving(telemetry=pages.answer) as url:
        await run(url, "export", "--from", "-2h", "-o", tmp_path / "all.csv")
        await run(url, "export", "--from", "-2h", "-o", tmp_path / "all.csv")

    assert len({(each["from"], each["to"]) for each in pages.asked}) == 1
    assert pages.asked[0]["from"].endswith("Z")


async def begun(url: str, file: Path, ago: timedelta) -> None:
    """Leave an export of the last hour that began so long ago and then lost its worker."""
    pages = Pages(READINGS, 10)
    pages.in_between = {20: [break_off]}
    async with serving_at(url, telemetry=pages.answer):
        await run(url, "export", "--from", "-1h", "-o", file)
    sidecar(file).write_bytes(_older(sidecar(file).read_bytes(), ago))


def _older(known: bytes, ago: timedelta) -> bytes:
    progress = msgspec.json.decode(known, type=Progress)
    start, end = (rfc3339(datetime.fromisoformat(time) - ago) for time in (progress.start, progress.end))
    return msgspec.json.encode(msgspec.structs.replace(progress, start=start, end=end))


@pytest.mark.parametrize("options", [(), ("--continue",), ("--force",)])
async def test_a_relative_span_that_has_moved_on_is_not_taken_for_the_one_meant_now(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    url, file = f"http://127.0.0.1:{free_port()}", tmp_path / "all.csv"
    await begun(url, file, timedelta(days=7))
    pages = Pages(READINGS, 10)
    then = json.loads(sidecar(file).read_bytes())
    async with serving_at(url, telemetry=pages.answer):
        ran = await run(url, "export", "--from", "-1h", "-o", file, *options)

    asked = [(each.get("cursor"), each["from"]) for each in pages.asked]
    if options == ("--continue",):
        assert asked == [("20", then["start"])]
    elif options:
        assert [cursor for cursor, _ in asked] == [None, "10", "20"]
        assert then["start"] not in {start for _, start in asked}
    else:
        assert asked == []
        assert ran.error == (
            f"{file}.part has 20 readings of {then['start']} to {then['end']}, which is what the command meant "
            "then: add --continue to finish that span, or --force to start over."
        )


async def test_a_part_without_readings_is_begun_again(tmp_path: Path) -> None:
    url, file = f"http://127.0.0.1:{free_port()}", tmp_path / "all.csv"
    await begun(url, file, timedelta())
    known = msgspec.json.decode(sidecar(file).read_bytes(), type=Progress)
    old = msgspec.structs.replace(known, cursor="", size=4, readings=0, reached=None)
    sidecar(file).write_bytes(_older(msgspec.json.encode(old), timedelta(days=7)))
    pages = Pages(READINGS, 10)
    async with serving_at(url, telemetry=pages.answer):
        ran = await run(url, "export", "--from", "-1h", "-o", file)

    assert ran == (f"{file}: 25 readings.\n", "", None)
    assert datetime.now(UTC) - datetime.fromisoformat(pages.asked[0]["from"]) < timedelta(hours=1, minutes=1)


async def test_what_one_worker_began_another_does_not_go_on_with(tmp_path: Path) -> None:
    file = tmp_path / "all.csv"
    await begun(f"http://127.0.0.1:{free_port()}", file, timedelta())
    async with serving(telemetry=Pages(READINGS, 10).answer) as url:
        ran = await run(url, "export", "--from", "-1h", "-o", file)

    assert ran.error == (
        f"{file}.part belongs to another command: run that again to finish it, or add --force to start over."
    )


async def test_what_another_command_began_is_given_up_only_by_force(tmp_path: Path) -> None:
    file, part = tmp_path / "tank.csv", tmp_path / "tank.csv.part"
    pages = Pages(READINGS, 10)
    pages.in_between = {10: [break_off]}

    async with serving(telemetry=pages.answer) as url:
        await run(url, "export", "--item", "NODE3000005", *SPAN, "-o", file)
        begun = part.read_bytes()
        refused = await run(url, "export", "--item", "NODE3000004", *SPAN, "-o", file)
        kept = part.read_bytes()
        forced = await run(url, "export", "--item", "NODE3000004", *SPAN, "-o", file, "--force")

    assert refused.error == (
        f"{part} belongs to another command: run that again to finish it, or add --force to start over."
    )
    assert kept == begun
    assert forced == (f"{file}: 25 readings.\n", "", None)


async def test_what_an_older_version_began_with_fewer_columns_is_not_resumed(tmp_path: Path) -> None:
    file = tmp_path / "tank.csv"
    older = Query("http://here", [], "-1h", "-0s")
    newer = Query("http://here", [], "-1h", "-0s", ["item_id", "name"])
    begun = Progress(older, "2026-08-11T12:00:00.000Z", "2026-08-11T13:00:00.000Z", readings=1)
    with partial_file(file, begun, force=False, resume=False) as partial:
        partial.append(b"item_id\n", begun)

    fresh = Progress(newer, begun.start, begun.end)
    with (
        pytest.raises(UserError, match="belongs to another command"),
        partial_file(file, fresh, force=False, resume=True),
    ):
        pass
