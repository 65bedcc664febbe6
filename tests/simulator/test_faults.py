from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import ClientSession

from iss_agents.simulator.station import Station
from iss_agents.telemetry.catalog import items
from tests.simulator.conftest import Listen
from tests.simulator.listening import Seen
from tests.waiting import until

TANK = "NODE3000005"
CLOCK = "TIME_000001"


async def post(url: str, headers: dict[str, str] | None = None) -> tuple[int, object]:
    async with ClientSession() as http, http.post(url, headers=headers) as answer:
        return answer.status, await answer.json()


async def test_los_says_so_is_silent_and_ends_with_the_newest_values(station: Station, listen: Listen) -> None:
    station.publish(TANK, "37")
    station.signal()
    listening = listen(CLOCK, TANK)
    await until(lambda: len(listening.seen) == 2)
    station.faults.los()
    for level in ("38", "39", "40"):
        station.publish(TANK, level)
    station.signal()
    await until(lambda: len(listening.seen) == 3)
    station.faults.recover()
    await until(lambda: len(listening.seen) == 5)

    classes = [fields["Status.Class"] for fields in listening.fields]
    assert classes == ["24", "24", "1", "24", "24"]
    assert listening.seen[3] == Seen(TANK, "40", snapshot=False)
    assert listening.seen[4].item_id == CLOCK


async def test_los_ends_by_itself(station: Station, listen: Listen) -> None:
    station.signal()
    listening = listen(CLOCK)
    await until(lambda: listening.seen)
    station.faults.los(0.2)
    await until(lambda: [fields["Status.Class"] for fields in listening.fields] == ["24", "1", "24"])


async def test_a_later_los_is_not_cut_short_by_an_earlier_one(station: Station, listen: Listen) -> None:
    station.signal()
    listening = listen(CLOCK)
    await until(lambda: listening.seen)
    station.faults.los(0.1)
    station.faults.los(60)
    with pytest.raises(TimeoutError):
        await until(lambda: listening.fields[-1]["Status.Class"] == "24" and len(listening.fields) > 1, 0.5)


async def test_frozen_station_accepts_clients_and_shows_them_the_past(station: Station, listen: Listen) -> None:
    station.publish(TANK, "37")
    station.faults.freeze()
    station.publish(TANK, "38")
    listening = listen(TANK)
    await until(lambda: listening.seen)

    assert listening.seen == [Seen(TANK, "37", snapshot=True)]
    station.faults.recover()
    await until(lambda: listening.values == ["37", "38"])


async def test_zero_burst_is_one_instant_and_the_clock_stays_real(station: Station, listen: Listen) -> None:
    active = [TANK, *[item_id for item_id in items() if item_id.startswith("S")][:24]]
    for item_id in active:
        station.publish(item_id, "37.5", datetime.now(UTC) - timedelta(minutes=1))
    station.signal()
    listening = listen(CLOCK, *active)
    await until(lambda: len(listening.seen) == 26)
    station.faults.zero_burst()
    station.publish(TANK, "38")
    station.signal()
    await until(lambda: len(listening.seen) == 26 + 23)

    burst = [fields for fields in listening.fields[26:] if fields["Value"] == "0"]
    assert len(burst) == 22
    assert len({fields["TimeStamp"] for fields in burst}) == 1
    assert listening.seen[26] == Seen(TANK, "0", snapshot=False)
    assert listening.seen[-1].item_id == CLOCK
    station.faults.recover()
    await until(lambda: len(listening.seen) == 26 + 23 + 22)
    assert "0" not in listening.values[49:]
    assert Seen(TANK, "38", snapshot=False) in listening.seen[49:]
    times = [
        float(fields["TimeStamp"] or "")
        for fields, seen in zip(listening.fields, listening.seen, strict=True)
        if seen.item_id == active[1]
    ]
    assert len(times) == 3
    assert times == sorted(set(times))


async def test_refused_client_comes_back_by_itself(station: Station, listen: Listen) -> None:
    station.faults.refuse(seconds=0.3)
    listening = listen(TANK)
    await until(lambda: listening.subscribed)

    assert "DISCONNECTED:WILL-RETRY" in listening.statuses
    assert listening.errors == []


async def test_client_refused_for_good_does_not_come_back(station: Station, listen: Listen) -> None:
    station.faults.refuse(code=8)
    listening = listen(TANK)
    await until(lambda: listening.errors)

    assert listening.errors == [(8, "New sessions are refused")]
    await until(lambda: listening.statuses[-1] == "DISCONNECTED")
    station.faults.recover()
    listening.client.connect()
    await until(lambda: listening.subscribed)


@pytest.mark.parametrize("transport", ["WS-STREAMING", "HTTP-STREAMING", "HTTP-POLLING"])
async def test_ended_client_does_not_come_back(station: Station, listen: Listen, transport: str) -> None:
    listening = listen(TANK, transport=transport)
    await until(lambda: listening.subscribed)
    station.faults.end()
    await until(lambda: listening.statuses[-1] == "DISCONNECTED")

    assert listening.errors == [(32, "Ended by the station")]
    assert station.sessions == 0


@pytest.mark.parametrize("name", ["los", "refuse", "zero-burst", "freeze"])
async def test_lasting_fault_is_asked_for_over_http(station: Station, name: str) -> None:
    assert await post(f"{station.url}/faults/{name}?seconds=2.5") == (200, {"fault": name, "seconds": 2.5})
    assert await post(f"{station.url}/faults/{name}") == (200, {"fault": name, "seconds": 60.0})


@pytest.mark.parametrize("name", ["drop", "end", "recover"])
async def test_instant_fault_is_asked_for_over_http(station: Station, name: str) -> None:
    assert await post(f"{station.url}/faults/{name}") == (200, {"fault": name})


@pytest.mark.parametrize(
    "header",
    [("Origin", "http://evil.example"), ("origin", "null"), ("Origin", ""), ("sec-fetch-site", "cross-site")],
)
async def test_a_web_page_cannot_ask_for_a_fault(station: Station, header: tuple[str, str]) -> None:
    for name in ("los", "drop", "fire"):
        status, _ = await post(f"{station.url}/faults/{name}", dict([header]))

        assert status == 403


async def test_fault_over_http_has_its_effect(station: Station, listen: Listen) -> None:
    station.signal()
    listening = listen(CLOCK)
    await until(lambda: listening.seen)
    await post(f"{station.url}/faults/los?seconds=0.2")
    await until(lambda: [fields["Status.Class"] for fields in listening.fields] == ["24", "1", "24"])


async def test_unknown_fault_and_wrong_seconds_are_explained(station: Station) -> None:
    names = "los, refuse, zero-burst, freeze, drop, end, recover"

    assert await post(f"{station.url}/faults/fire") == (
        404,
        {"status": 404, "detail": f"There is no fault 'fire'; there are {names}"},
    )
    for seconds in ("0", "-1", "soon", "nan", "inf", "5&code=x"):
        assert await post(f"{station.url}/faults/los?seconds={seconds}") == (
            400,
            {"status": 400, "detail": "seconds and code must be positive numbers"},
        )


async def test_refusal_over_http_has_the_code_that_was_asked_for(station: Station, listen: Listen) -> None:
    await post(f"{station.url}/faults/refuse?code=8")
    listening = listen(TANK)
    await until(lambda: listening.errors == [(8, "New sessions are refused")])


async def test_end_of_one_fault_leaves_a_refusal_standing(station: Station, listen: Listen) -> None:
    station.signal()
    listening = listen(CLOCK)
    await until(lambda: listening.seen)
    station.faults.refuse(code=8)
    station.faults.los(0.1)
    await until(lambda: len(listening.seen) == 3)
    refused = listen(CLOCK)
    await until(lambda: refused.errors)
