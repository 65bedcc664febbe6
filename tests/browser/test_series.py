"""What a plot's line is made of, computed by the page's own module."""

from typing import Any

import pytest
from playwright.async_api import Page

pytestmark = [pytest.mark.long, pytest.mark.asyncio(loop_scope="session")]

COMPUTE = """async ([call, given]) => {
    const { pointsOf, withHold, withReading } = await import("/static/series.js");
    const points = pointsOf(given.summary, given.gaps, given.end, given.before);
    const changes = { pointsOf: () => points, withHold, withReading };
    return changes[call](points, ...given.more).map(({ time, mean }) => [time, mean]);
}"""

BLANK = '<link rel="icon" href="data:,">'
STATES = {"4": "SHUTDOWN", "16": "NORMAL"}


def bucket(second: int, value: float, last: str | None = None) -> dict[str, Any]:
    return {
        "start": at(second),
        "count": 1,
        "min": value,
        "max": value,
        "mean": value,
        "last": last or str(value),
    }


def at(second: int) -> str:
    return f"1970-01-01T00:{second // 60:02}:{second % 60:02}.000Z"


def gap(start: int, end: int | None) -> dict[str, Any]:
    return {"cause": "los", "start": at(start), "end": None if end is None else at(end)}


async def points(look: Page, buckets: list[dict[str, Any]], call: str = "pointsOf", **given: Any) -> Any:
    """Return the line's `[second, value]` over a minute, in buckets of ten seconds."""
    summary = {"from": at(0), "bucket_seconds": 10, "states": given.pop("states", {}), "buckets": buckets}
    known = {"summary": summary, "gaps": [], "end": 60, "before": None, "more": [60, 0], **given}
    await look.route("**/blank", lambda route: route.fulfill(body=BLANK, content_type="text/html"))
    await look.goto("/blank")
    return await look.evaluate(COMPUTE, [call, known])


async def test_a_value_holds_until_the_next_and_to_the_end(look: Page) -> None:
    line = await points(look, [bucket(0, 1.5, last="2"), bucket(10, 3), bucket(40, 4)])

    assert line == [[0, 1.5], [10, 3], [20, 3], [39.999, 3], [40, 4], [50, 4], [59.999, 4]]


async def test_the_line_is_broken_in_a_gap_and_what_held_goes_on_after_it(look: Page) -> None:
    line = await points(look, [bucket(0, 1)], gaps=[gap(20, 40)])

    assert line == [[0, 1], [10, 1], [19.999, 1], [20, None], [40, 1], [59.999, 1]]


async def test_nothing_is_drawn_between_a_gap_and_a_reading_close_to_its_end(look: Page) -> None:
    line = await points(look, [bucket(0, 1), bucket(50, 2)], gaps=[gap(20, 45)])

    assert line == [[0, 1], [10, 1], [19.999, 1], [20, None], [50, 2]]


async def test_a_gap_that_lasts_hides_what_held(look: Page) -> None:
    line = await points(look, [bucket(0, 1)], gaps=[gap(20, None)])

    assert line == [[0, 1], [10, 1], [19.999, 1], [20, None]]


async def test_what_was_measured_in_a_gap_is_drawn(look: Page) -> None:
    line = await points(look, [bucket(0, 1), bucket(20, 2)], gaps=[gap(5, 60)])

    assert line == [[0, 1], [10, None], [20, 2], [30, None]]


async def test_a_state_changes_at_once(look: Page) -> None:
    line = await points(look, [bucket(0, 10, last="4"), bucket(10, 16, last="16.00")], states=STATES)

    assert line == [[0, 4], [0, 4], [9.999, 4], [10, 16], [10, 16], [59.999, 16]]


async def test_the_value_before_the_first_reading_holds_until_then(look: Page) -> None:
    assert await points(look, [bucket(50, 2)], before=1) == [[0, 1], [0, 1], [49.999, 1], [50, 2]]


@pytest.mark.parametrize(
    ("before", "gaps", "begin"),
    [(None, [], 40), (None, [gap(50, 55)], 40), (None, [gap(10, 20)], 0), ({"number": 1}, [], 0)],
    ids=["nothing before", "a gap later", "a gap before", "a value before"],
)
async def test_a_plot_begins_at_the_first_reading(
    look: Page, before: object, gaps: list[dict[str, Any]], begin: int
) -> None:
    unknown = {"start": at(0), "count": 0, "min": None, "max": None, "mean": None, "last": None}
    summary = {"from": at(0), "before": before, "buckets": [unknown, bucket(40, 1)]}
    await look.route("**/blank", lambda route: route.fulfill(body=BLANK, content_type="text/html"))
    await look.goto("/blank")
    script = "async (given) => (await import('/static/series.js')).beginning(...given)"

    assert await look.evaluate(script, [summary, gaps]) == begin


async def test_texts_have_no_points(look: Page) -> None:
    assert await points(look, [{**bucket(0, 1, last="ON"), "mean": None, "min": None, "max": None}]) == []


async def test_a_new_reading_ends_what_held_even_if_it_is_older_than_now(look: Page) -> None:
    line = await points(look, [bucket(0, 1)], "withReading", more=[55, 7])

    assert line == [[0, 1], [10, 1], [54.999, 1], [55, 7]]


async def test_a_reading_that_is_older_than_the_newest_changes_nothing(look: Page) -> None:
    line = await points(look, [bucket(50, 1)], "withReading", more=[40, 7])

    assert line == [[50, 1]]


async def test_of_two_readings_of_one_instant_the_later_one_stands(look: Page) -> None:
    line = await points(look, [bucket(0, 1), bucket(50, 3)], "withReading", more=[50, 7])

    assert line == [[0, 1], [10, 1], [49.999, 1], [50, 7]]


async def test_the_last_value_is_held_on(look: Page) -> None:
    line = await points(look, [bucket(0, 1)], "withHold", more=[70])

    assert line == [[0, 1], [10, 1], [70, 1]]
