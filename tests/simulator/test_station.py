import asyncio
from datetime import UTC, datetime

import pytest

from iss_agents.errors import UserError
from iss_agents.simulator.model import ClockSource
from iss_agents.simulator.playback import rows, whole_recording
from iss_agents.simulator.station import Station
from iss_agents.simulator.tlcp import replay_buffer
from iss_agents.simulator.updates import Update
from tests.simulator.conftest import Listen
from tests.simulator.listening import Listening, Seen
from tests.waiting import until

TANK = "NODE3000005"
CLOCK = "TIME_000001"


@pytest.mark.parametrize("transport", ["WS-STREAMING", "HTTP-STREAMING", "HTTP-POLLING", "WS-POLLING"])
async def test_real_client_gets_snapshot_and_changes(station: Station, listen: Listen, transport: str) -> None:
    station.publish(TANK, "37")
    listening = listen(TANK, CLOCK, transport=transport)
    await until(lambda: listening.seen == [Seen(TANK, "37", snapshot=True)])

    station.publish(TANK, "38")
    station.publish(CLOCK, "1")
    await until(lambda: len(listening.seen) == 3)

    assert listening.seen[1:] == [Seen(TANK, "38", snapshot=False), Seen(CLOCK, "1", snapshot=True)]
    assert listening.statuses[-1] == f"CONNECTED:{transport}"
    assert listening.errors == []


async def test_recording_is_played_as_fast_as_the_client_takes_it(station: Station, listen: Listen) -> None:
    updates = whole_recording(datetime.now(UTC))[:5_000]
    listening = listen(*sorted({row.item_id for row in rows()}))
    await until(lambda: listening.subscribed)
    await station.play(updates)
    await until(lambda: len(listening.seen) == 5_000)

    assert [(seen.item_id, seen.value) for seen in listening.seen] == [
        (update.item_id, update.fields["Value"]) for update in updates
    ]
    assert [fields["TimeStamp"] for fields in listening.fields] == [
        update.fields["TimeStamp"] for update in updates
    ]


async def test_sources_are_played_while_the_station_runs() -> None:
    station = await Station([ClockSource()]).start()
    listening = Listening(station.url, ["TIME_000001", "TIME_000002"])
    listening.connect()
    await until(lambda: len(listening.seen) >= 4)
    listening.client.disconnect()
    await until(lambda: listening.client.getStatus() == "DISCONNECTED")
    await station.stop()

    assert [update.item_id for update in listening.seen[:2]] == ["TIME_000001", "TIME_000002"]
    first, second, *_ = (int(seen.value or "") for seen in listening.seen if seen.item_id == "TIME_000001")
    assert second - first == 1000


async def test_client_that_is_too_slow_for_the_journal_starts_anew(
    station: Station, listen: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay_buffer.ReplayBuffer.__init__, "__defaults__", (100,))
    listening = listen(TANK)
    await until(lambda: listening.subscribed)
    for level in range(1000):
        station.publish(TANK, str(level))
    await until(lambda: listening.values[-1:] == ["999"])

    assert listening.subscribed == 2
    assert listening.seen[-1].snapshot


async def test_an_address_of_another_machine_is_one_sentence() -> None:
    with pytest.raises(UserError, match=r"Cannot listen on 192\.0\.2\.1:9090 "):
        await Station().start("192.0.2.1", 9090)


async def test_a_source_that_fails_is_not_a_silent_station(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = ClockSource()
    station = await Station([clock]).start()

    def broken(now: datetime) -> list[Update]:
        raise UserError(f"no clock at {now}")

    monkeypatch.setattr(clock, "due", broken)
    with pytest.raises(UserError, match="no clock at"):
        await station.run_until(asyncio.Event())
    await station.stop()
