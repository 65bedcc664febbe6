"""`iss-agents plot`: a curve in the terminal, or a picture."""

import sys
from pathlib import Path

import pytest
from aiohttp.web import Request, StreamResponse, json_response

from tests.terminal.double import Handler, serving, stamp
from tests.terminal.running import run

SPAN = ("--from", "2026-08-11T12:00:00Z", "--to", "2026-08-11T13:00:00Z")


def summary(*means: float | None, unit: str = "%") -> Handler:
    """Return an answer with a bucket every ten minutes."""

    async def answer(request: Request) -> StreamResponse:
        assert request.query["item"] == "NODE3000005"
        buckets = [
            {"start": stamp(600 * number), "count": 2, "min": mean, "max": mean, "mean": mean, "last": "x"}
            for number, mean in enumerate(means)
        ]
        known = {"name": "Urine Tank Qty", "unit": unit, "bucket_seconds": 600, "count": 2 * len(means)}
        return json_response({**known, "buckets": buckets})

    return answer


async def test_a_value_is_drawn_until_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("LINES", "13")
    async with serving(telemetry__summary=summary(20, 20, 40, 30)) as url:
        ran = await run(url, "plot", "node3000005", *SPAN)

    lines = ran.output.splitlines()
    assert lines[0].strip() == "NODE3000005 Urine Tank Qty, %"
    assert len(lines) == 10
    assert all(len(line) <= 60 for line in lines)
    assert lines[-1].split() == ["12:00", "12:20", "12:40", "13:00"]
    assert lines[2].startswith("40")
    assert "\x1b" not in ran.output


async def test_a_picture_is_a_png(tmp_path: Path, worker_url: str) -> None:
    picture = tmp_path / "tank.png"

    ran = await run(worker_url, "plot", "NODE3000005", "--from", "-1h", "-o", picture)

    assert ran == (f"{picture}: 2 readings.\n", "", None)
    assert picture.read_bytes().startswith(b"\x89PNG")


async def test_a_picture_that_is_to_be_no_png_is_refused(tmp_path: Path) -> None:
    picture = tmp_path / "tank.pdf"

    ran = await run("http://127.0.0.1:1", "plot", "NODE3000005", "-o", picture)

    assert ran == ("", "", "The name 'tank.pdf' should end in .png.")
    assert not picture.exists()


@pytest.mark.parametrize(
    ("means", "error"),
    [
        ((), "There are no readings of NODE3000005 between {0} and {1}."),
        (
            (None,),
            "NODE3000005 has no numbers between {0} and {1}: `iss-agents export` writes its texts to a file.",
        ),
    ],
)
async def test_what_cannot_be_drawn_is_said(means: tuple[None, ...], error: str) -> None:
    async with serving(telemetry__summary=summary(*means)) as url:
        ran = await run(url, "plot", "NODE3000005", *SPAN)

    assert ran == ("", "", error.format(stamp(0), stamp(3600)))


async def test_a_picture_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    picture = tmp_path / "missing" / "tank.png"
    async with serving(telemetry__summary=summary(1, 2)) as url:
        ran = await run(url, "plot", "NODE3000005", *SPAN, "-o", picture)

    assert ran.error == f"Cannot write {picture} (No such file or directory)."


async def test_without_matplotlib_a_picture_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    async with serving(telemetry__summary=summary(1, 2)) as url:
        ran = await run(url, "plot", "NODE3000005", *SPAN, "-o", tmp_path / "tank.png")

    assert ran.error == "Pictures need matplotlib: install it with `uv sync --group plot`."
