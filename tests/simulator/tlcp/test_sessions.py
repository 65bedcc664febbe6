"""What real clients see: subscriptions, several clients, recovery, refusals."""

import pytest

from iss_agents.simulator.station import Station
from tests.simulator.conftest import Listen
from tests.simulator.listening import Listening
from tests.waiting import until

TANK = "NODE3000005"
CLOCK = "TIME_000001"
TRANSPORTS = ["WS-STREAMING", "HTTP-STREAMING", "HTTP-POLLING"]


async def test_unknown_item_is_refused_with_code_21(station: Station, listen: Listen) -> None:
    listening = listen(TANK, "NO_SUCH_ITEM")
    await until(lambda: listening.errors)

    assert listening.errors == [(21, "Bad Item Group name")]
    assert listening.subscribed == 0
    assert (station.sessions, station.listeners) == (1, 0)
    assert listening.client.getStatus().startswith("CONNECTED")


async def test_unknown_adapter_set_is_refused_with_code_2(station: Station) -> None:
    listening = Listening(station.url, [TANK])
    listening.client.connectionDetails.setAdapterSet("DEMO")
    listening.connect()
    await until(lambda: listening.statuses[-1:] == ["DISCONNECTED"])

    assert listening.errors == [(2, "Requested Adapter Set not available")]
    assert station.sessions == 0


async def test_two_clients_see_the_same(station: Station, listen: Listen) -> None:
    one, other = listen(TANK), listen(TANK, CLOCK)
    await until(lambda: one.subscribed and other.subscribed)
    for level in range(10):
        station.publish(TANK, str(level))
    await until(lambda: len(one.seen) == len(other.seen) == 10)

    assert one.values == other.values == [str(level) for level in range(10)]


async def test_unsubscribed_client_hears_nothing_more(station: Station, listen: Listen) -> None:
    listening, other = listen(TANK), listen(TANK)
    await until(lambda: listening.subscribed and other.subscribed)
    listening.client.unsubscribe(listening.subscription)
    await until(lambda: listening.unsubscribed)
    station.publish(TANK, "37")
    await until(lambda: other.values == ["37"])

    assert listening.seen == []
    assert (station.sessions, station.listeners) == (2, 1)


async def test_a_value_sent_again_is_no_update(station: Station, listen: Listen) -> None:
    listening = listen(TANK)
    await until(lambda: listening.subscribed)
    fields = {"TimeStamp": "5354.46", "Value": "37", "Status.Class": "24"}
    station.push(TANK, fields)
    station.push(TANK, fields)
    station.push(TANK, {**fields, "Status.Class": "9"})
    await until(lambda: len(listening.fields) == 2)

    rest = {"Status.Indicator": None, "Status.Color": None, "CalibratedData": None}
    assert listening.fields == [fields | rest, fields | rest | {"Status.Class": "9"}]


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_text_arrives_as_it_was_sent(station: Station, listen: Listen, transport: str) -> None:
    sent = {
        "TimeStamp": "",
        "Value": "a|b%2C+c,d\r\ne",
        "Status.Class": "#",
        "Status.Indicator": "^2",
        "Status.Color": "%2300FF00 °",
        "CalibratedData": None,
    }
    station.push(TANK, sent)
    listening = listen(TANK, transport=transport)
    await until(lambda: listening.fields)

    assert listening.fields == [sent]


async def test_client_that_asks_for_a_frequency_gets_the_newest_values(
    station: Station, listen: Listen
) -> None:
    limited = Listening(station.url, [TANK])
    limited.subscription.setRequestedMaxFrequency("4")
    limited.connect()
    unlimited = listen(TANK)
    await until(lambda: limited.subscribed and unlimited.subscribed)
    for level in range(50):
        station.publish(TANK, str(level))
    await until(lambda: limited.values[-1:] == ["49"])

    assert limited.values == ["0", "49"]
    assert len(unlimited.seen) == 50
    limited.subscription.setRequestedMaxFrequency("unlimited")
    station.publish(TANK, "50")
    await until(lambda: limited.values[-1] == "50")
    limited.client.disconnect()
    await until(lambda: station.sessions == 1)


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_dropped_connection_is_recovered_with_nothing_lost_or_doubled(
    station: Station, listen: Listen, transport: str
) -> None:
    listening = listen(TANK, transport=transport)
    await until(lambda: listening.subscribed)
    for level in range(100):
        station.publish(TANK, str(level))
    await until(lambda: len(listening.seen) > 10)
    station.faults.drop()
    for level in range(100, 200):
        station.publish(TANK, str(level))
    await until(lambda: listening.values[-1] == "199")

    assert listening.values == [str(level) for level in range(200)]
    assert listening.subscribed == 1
    assert station.sessions == 1


async def test_session_that_is_gone_is_replaced_with_a_snapshot(station: Station, listen: Listen) -> None:
    station.publish(TANK, "37")
    listening = listen(TANK)
    await until(lambda: listening.values == ["37"])
    station.faults.end(48)
    await until(lambda: len(listening.seen) == 2)

    assert [update.snapshot for update in listening.seen] == [True, True]
    assert station.sessions == 1


async def test_disconnected_client_ends_its_session(station: Station, listen: Listen) -> None:
    listening = listen(TANK)
    await until(lambda: listening.subscribed)
    listening.client.disconnect()
    await until(lambda: station.sessions == 0)


async def test_quiet_stream_is_kept_alive(station: Station, listen: Listen) -> None:
    listening = listen(TANK, transport="WS-STREAMING")
    await until(lambda: listening.subscribed)
    # Longer than keepalive and the client's patience together.
    with pytest.raises(TimeoutError):
        await until(lambda: listening.statuses[-1] != "CONNECTED:WS-STREAMING", seconds=2)
    station.publish(TANK, "37")
    await until(lambda: listening.values == ["37"])

    assert station.sessions == 1


async def test_what_was_lost_on_the_way_is_sent_again(station: Station, listen: Listen) -> None:
    listening = listen(TANK, transport="WS-STREAMING")
    await until(lambda: listening.subscribed)
    # Far more than sockets hold, so that a cut connection takes lines with it that count as sent.
    sent = [f"{level} {'x' * 10_000}" for level in range(1_000)]
    for value in sent:
        station.publish(TANK, value)
    await until(lambda: listening.seen)
    station.faults.drop()
    await until(lambda: len(listening.seen) >= 1_000)

    assert listening.values == sent
    assert listening.subscribed == 1
