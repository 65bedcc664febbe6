"""A feed whose clock and the station's differ, over a real socket."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from iss_agents.feed.publisher import Overflow
from iss_agents.feed.station_time import PART as CLOCK
from iss_agents.simulator.station import Station
from iss_agents.simulator.updates import TIME_STAMP, VALUE, time_stamp
from iss_agents.telemetry.catalog import YEAR_ITEM
from iss_agents.telemetry.records import decode_invalid
from iss_agents.telemetry.topics import INVALID
from tests.feed.running_feed import Running
from tests.waiting import until

TANK = "NODE3000005"
YEAR = timedelta(days=365)


def tell(station: Station, now: datetime, value: str) -> None:
    """Send the station's clock and a level of the tank, as they are at `now`."""
    station.push(YEAR_ITEM, {TIME_STAMP: time_stamp(now), VALUE: str(now.year)})
    station.signal(now)
    station.publish(TANK, value, now)


@pytest.fixture
async def running(station: Station, tmp_path: Path) -> AsyncIterator[Running]:
    """A feed that has heard a station whose clock is right."""
    tell(station, datetime.now(UTC), "37")
    running = Running(station.url, tmp_path)
    async with running.feed:
        await until(lambda: running.publisher.values(TANK) == ["37"])
        yield running


def reasons(running: Running) -> set[str]:
    return {decode_invalid(one.value).reason for one in running.publisher.offered if one.topic == INVALID.name}


def renewals() -> float:
    return REGISTRY.get_sample_value("iss_feed_reconnects_total") or 0.0


async def test_a_station_that_is_late_and_moves_costs_one_session(station: Station, tmp_path: Path) -> None:
    before, late = renewals(), timedelta(seconds=75)
    tell(station, datetime.now(UTC) - late, "0.5")
    running = Running(station.url, tmp_path)
    async with running.feed:
        await until(lambda: running.publisher.readings(TANK))
        for number in range(1, 60):
            tell(station, datetime.now(UTC) - late, str(number))
            await until(lambda: running.publisher.readings(TANK)[-1].value == str(number))  # noqa: B023 - ends with its turn

    assert renewals() == before + 1
    assert [one.suspect for one in running.publisher.readings(TANK) if one.suspect] == ["frozen"]


async def test_doubts_renew_a_session_once_in_a_while(running: Running) -> None:
    before, running.feed.renewal_seconds = renewals(), 1.5
    for sent in (2, 3):
        running.publisher.on_overflow(Overflow(datetime.now(UTC), datetime.now(UTC), "the spool is full"))
        await until(lambda: len(running.publisher.readings(TANK)) == sent)  # noqa: B023 - ends with its turn

    _, first, second = sorted({one.session for one in running.publisher.readings(TANK)})
    assert renewals() == before + 2
    assert second - first > 1400


@pytest.mark.parametrize("error", [timedelta(days=3), timedelta(minutes=6), YEAR, -YEAR, -3 * YEAR])
async def test_clocks_that_disagree_are_said_and_no_reading_gets_a_wrong_year(
    running: Running, station: Station, error: timedelta
) -> None:
    tell(station, datetime.now(UTC) + error, "38")
    await until(lambda: CLOCK in running.health.parts and not running.health.parts[CLOCK].ok)
    await until(lambda: "clocks_disagree" in reasons(running))
    assert "is this machine's clock right?" in running.health.parts[CLOCK].detail
    assert running.publisher.values(TANK) == ["37"]

    tell(station, datetime.now(UTC), "39")
    await until(lambda: running.publisher.values(TANK)[-1] == "39")
    await until(lambda: running.health.parts[CLOCK].ok)
    # What was refused may still be the last value of its item.
    await until(lambda: running.publisher.readings(TANK)[-1].snapshot)


async def test_a_feed_that_begins_with_a_wrong_clock_files_nothing_until_it_is_right(
    station: Station, tmp_path: Path
) -> None:
    tell(station, datetime.now(UTC) - YEAR, "37")
    running = Running(station.url, tmp_path)
    async with running.feed:
        await until(lambda: "clocks_disagree" in reasons(running))
        assert running.publisher.readings() == []

        tell(station, datetime.now(UTC), "38")
        await until(lambda: running.publisher.values(TANK) == ["38"])
