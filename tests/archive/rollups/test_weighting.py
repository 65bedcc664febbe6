"""Weighted buckets are what a look at the held value in every millisecond gives."""

from collections import Counter
from itertools import groupby
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iss_agents.archive.rollups.buckets import HOUR, MINUTE, SECOND, Integral, OrderedReading, bucket_of
from iss_agents.archive.rollups.weighting import (
    FineBucket,
    Gaps,
    Span,
    WeightedBucket,
    Weighting,
    hour_integral,
)

END = 100

times = st.integers(0, END)
values = st.sampled_from(["1", "2", "3.5", "-4", "OFF"])


@st.composite
def gaps(draw: st.DrawFn) -> list[Span]:
    edges = draw(st.lists(st.tuples(times, times), max_size=4))
    return [(begin, end) for begin, end in edges if begin < end]


def number(value: str) -> float | None:
    return None if value == "OFF" else float(value)


def reading(time: int, offset: int, value: str) -> OrderedReading:
    return OrderedReading(time, offset, str(offset), value, number(value))


def fine(readings: list[OrderedReading], width: int, last: int) -> list[FineBucket]:
    found = []
    for start, some in groupby(sorted(readings), lambda one: one.time - one.time % width):
        inside = list(some)
        end = max(min(start + width, last), inside[-1].time)
        found.append(FineBucket(bucket_of(inside, start, end, named=True), end))
    return found


@given(
    readings=st.lists(st.tuples(st.integers(0, END - 1), values), max_size=8),
    before=st.none() | values,
    silent=gaps(),
    until=times,
    width=st.sampled_from([5, 10, 50, 100]),
)
def test_each_value_counts_for_as_long_as_it_held(
    readings: list[tuple[int, str]], before: str | None, silent: list[Span], until: int, width: int
) -> None:
    # A gap has no readings, and nothing is known after the last moment of knowledge.
    inside = [one for one in readings if one[0] < until and not any(a <= one[0] < z for a, z in silent)]
    ordered = [reading(time, offset, value) for offset, (time, value) in enumerate(inside)]
    weighting = Weighting((0, END), width, before=before, gaps=Gaps(sorted(silent)), until=until, named=True)
    measured = Weighting((0, END), width, before=before, gaps=Gaps(sorted(silent)), until=until, named=False)
    found = weighting.weigh(fine(ordered, 1, until))
    means = measured.weigh(fine(ordered, 1, until))

    held = before
    by_time = {one.time: one.value for one in sorted(ordered)}
    for shares, mean in zip(found, means, strict=True):
        seen: list[str] = []
        for now in range(mean.start, mean.start + width):
            held = by_time.get(now, held)
            if held is not None and now < until and not any(a <= now < z for a, z in silent):
                seen.append(held)
        known = [known for value in seen if (known := number(value)) is not None]
        assert mean.last == (seen[-1] if seen else None)
        here = [one.number for one in ordered if mean.start <= one.time < mean.start + width]
        samples = [one for one in here if one is not None]
        weighed = known or samples
        assert mean.mean == (pytest.approx(sum(weighed) / len(weighed)) if weighed else None)
        reached = [*known, *samples]
        assert (mean.min, mean.max) == (min(reached, default=None), max(reached, default=None))
        counted = Counter(known)
        expected = {f"{value:g}": count / len(known) for value, count in counted.items()}
        assert shares.shares == pytest.approx(expected)


def test_a_level_that_drops_at_the_end_of_an_hour_was_high_all_through_it() -> None:
    drop = fine([reading(HOUR - SECOND, 0, "20")], MINUTE, HOUR)
    [hour] = Weighting((0, HOUR), HOUR, before="60", until=HOUR, named=False).weigh(drop)

    assert (hour.count, hour.min, hour.max, hour.last) == (1, 20, 60, "20")
    assert hour.mean == pytest.approx(60 - 40 * SECOND / HOUR)


def test_an_hour_of_a_steady_value_and_a_minute_of_flapping_means_the_steady_value() -> None:
    flapping = [reading(59 * MINUTE + second * SECOND, second, str(51 - second % 2)) for second in range(60)]
    minutes = fine([reading(0, 0, "50"), *flapping], MINUTE, HOUR)
    [hour] = Weighting((0, HOUR), HOUR, until=HOUR, named=False).weigh(minutes)

    assert hour.mean == pytest.approx(50.0083, abs=1e-4)
    assert hour_integral([minute.bucket for minute in minutes]).area / HOUR == pytest.approx(hour.mean)


def test_the_integral_of_an_hour_gives_what_its_minutes_give() -> None:
    readings = [reading(time * 7_919 % HOUR, time, str(time % 5)) for time in range(200)]
    minutes = fine(readings, MINUTE, HOUR)
    whole = bucket_of(sorted(readings), 0, HOUR, named=True)
    joined = hour_integral([minute.bucket for minute in minutes])

    assert whole.integral
    assert joined.area == pytest.approx(whole.integral.area)
    assert joined == Integral(whole.integral.first_at, joined.area, whole.integral.known, whole.integral.states)


def test_a_rollup_without_an_integral_counts_by_its_samples() -> None:
    [whole, *_] = fine([reading(0, 0, "10"), reading(10, 1, "20")], MINUTE, MINUTE)
    bare = FineBucket(type(whole.bucket)(0, 2, 2, 10, 20, 30.0, "20"), MINUTE)
    found = Weighting((0, 3 * MINUTE), 3 * MINUTE, until=3 * MINUTE, named=False).weigh([bare])

    assert [bucket.mean for bucket in found] == [pytest.approx((15 + 20 + 20) / 3)]


@pytest.mark.parametrize("value", ["1e255", "0.1", "-33.3", "1.7976931348623157e308"])
def test_the_mean_of_what_never_changed_is_that_value_or_none(value: str) -> None:
    steady = fine([reading(time, time, value) for time in range(0, MINUTE, 7_001)], SECOND, MINUTE)
    [minute] = Weighting((0, MINUTE), MINUTE, before=value, until=MINUTE, named=False).weigh(steady)

    assert minute.mean in {float(value), None}
    assert minute.mean is not None or float(value) > 1e300


def test_where_nothing_is_known_everything_is_null() -> None:
    found = Weighting((0, 30), 10, before="1", gaps=Gaps([(10, 20)]), until=30, named=False).weigh([])

    assert [bucket.mean for bucket in found] == [1, None, 1]
    assert found[1] == WeightedBucket(10, 0, None, None, None, None, None)


@given(silent=gaps(), start=times, end=times)
def test_what_lies_in_no_gap(silent: list[Span], start: int, end: int) -> None:
    free = {time for time in range(start, end) if not any(a <= time < z for a, z in silent)}

    assert {time for a, z in Gaps(sorted(silent)).outside(start, end) for time in range(a, z)} == free


def test_a_month_costs_the_same_however_often_the_signal_was_lost() -> None:
    month = 30 * 24 * HOUR
    minutes = fine([reading(start, start, "1") for start in range(0, month, MINUTE)], MINUTE, month)

    def seconds(count: int) -> float:
        gaps = Gaps((start, start + SECOND) for start in range(0, month, month // count))
        began = process_time()
        Weighting((0, month), HOUR, gaps=gaps, until=month, named=False).weigh(minutes)
        return process_time() - began

    few, many = seconds(3), seconds(3_000)

    assert many < 5 * few
