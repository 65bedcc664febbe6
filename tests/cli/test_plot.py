"""`iss-agents plot`: a curve in the terminal, or a picture."""

import re
import sys
from pathlib import Path

import pytest
from aiohttp.web import Request, StreamResponse, json_response

from tests.cli.double import Handler, serving, stamp
from tests.cli.running import run

SPAN = ("--from", "2026-08-11T12:00:00Z", "--to", "2026-08-11T13:00:00Z")


def summary(*means: float | None, unit: str = "%", unknown: int = 0, before: object = None) -> Handler:
    """Return an answer with a bucket every ten minutes, the first of which are `unknown`."""

    async def answer(request: Request) -> StreamResponse:
        assert request.query["item"] == "NODE3000005"
        buckets = [
            {
                "start": stamp(600 * number),
                "count": 2,
                "min": mean,
                "max": mean,
                "mean": mean,
                "last": "x" if number >= unknown else None,
            }
            for number, mean in enumerate((*[None] * unknown, *means))
        ]
        known = {"name": "Urine Tank Qty", "unit": unit, "bucket_seconds": 600, "count": 2 * len(means)}
        return json_response({**known, "states": {}, "buckets": buckets, "before": before})

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
    assert lines[2].startswith("100")
    assert "\x1b" not in ran.output


def gaps(*starts: float) -> Handler:
    """Return an answer with gaps that began so many seconds after noon."""

    async def answer(_request: Request) -> StreamResponse:
        return json_response({"gaps": [{"start": stamp(start)} for start in starts], "next_cursor": None})

    return answer


@pytest.mark.parametrize(
    ("before", "missed", "begin"),
    [
        (None, (), "12:50"),
        (None, (3300,), "12:50"),
        (None, (600,), "12:00"),
        ({"value": "20"}, (), "12:00"),
    ],
    ids=["nothing before", "a gap later", "a gap before", "a value before"],
)
async def test_a_plot_begins_at_the_first_reading(
    before: object, missed: tuple[float, ...], begin: str
) -> None:
    answers = {"telemetry__summary": summary(20, unknown=5, before=before), "gaps": gaps(*missed)}
    async with serving(**answers) as url:
        ran = await run(url, "plot", "NODE3000005", *SPAN)

    assert ran.output.splitlines()[-1].split()[0].startswith(begin)


@pytest.mark.parametrize(
    ("unit", "numbers", "highest"),
    [("%", (27, 32), 100), ("PCT", (27, 32), 100), ("%", (27, 132), 132), ("mmHg", (27, 32), 32)],
)
async def test_what_can_be_full_is_drawn_from_empty_to_full(
    unit: str, numbers: tuple[float, ...], highest: float
) -> None:
    async with serving(telemetry__summary=summary(*numbers, unit=unit)) as url:
        ran = await run(url, "plot", "NODE3000005", *SPAN)

    axis = [
        float(found[1]) for line in ran.output.splitlines() if (found := re.match(r" *([0-9.]+)[┤┼]", line))
    ]
    assert max(axis) == pytest.approx(highest)
    assert (min(axis) == 0) == (highest == 100)


@pytest.mark.parametrize(
    "means",
    [(1e255, 2e255), (-1.7e308, 1.7e308), (1.7976931348623157e308,), (1e-255, 3e-255), (5e-324,), (0, 1e40)],
)
async def test_numbers_beyond_all_measure_are_drawn(means: tuple[float, ...], tmp_path: Path) -> None:
    picture = tmp_path / "absurd.png"
    async with serving(telemetry__summary=summary(*means, unit="$\\frac$")) as url:
        drawn = await run(url, "plot", "NODE3000005", *SPAN)
        painted = await run(url, "plot", "NODE3000005", *SPAN, "-o", picture)

    assert (drawn.error, painted.error) == (None, None)
    assert max(map(len, drawn.output.splitlines())) <= 80
    assert picture.read_bytes().startswith(b"\x89PNG")


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
        ((), "Nothing is known of NODE3000005 between {0} and {1}."),
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
