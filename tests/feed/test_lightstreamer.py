import asyncio
import threading
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from threading import Thread
from time import monotonic

import pytest

from iss_agents.feed import lightstreamer as client_module
from iss_agents.feed.decode import FIELDS, Update
from iss_agents.feed.lightstreamer import FINAL, HANDOVER_SECONDS, HANDOVER_UPDATES, StationClient
from iss_agents.feed.lightstreamer_corrections import correct_library
from iss_agents.simulator.station import Station
from iss_agents.simulator.updates import measured
from tests.feed.factory import update
from tests.feed.scripted_session import as_shipped
from tests.waiting import until


class Heard:
    """A client and everything that it calls back with."""

    def __init__(self, station: Station, *items: str) -> None:
        self.batches: list[list[Update]] = []
        self.statuses: list[str] = []
        self.failures: list[tuple[int, str]] = []
        self.refused: list[tuple[str, str]] = []
        self.lost: list[Mapping[str, int]] = []
        self.threads: set[int] = set()
        self.client = StationClient(
            station.url,
            "ISSLIVE",
            items,
            self._take,
            self.statuses.append,
            lambda code, message: self.failures.append((code, message)),
            lambda item_id, reason: self.refused.append((item_id, reason)),
            self.lost.append,
        )
        self.client.connect()

    def _take(self, updates: list[Update]) -> None:
        self.threads.add(threading.get_ident())
        self.batches.append(updates)

    @property
    def updates(self) -> list[Update]:
        return [update for batch in self.batches for update in batch]


@pytest.fixture
async def heard(station: Station) -> AsyncIterator[Heard]:
    """A client that has the snapshot of one item."""
    station.publish("NODE3000005", "37")
    heard = Heard(station, "NODE3000005", "NODE3000008")
    await until(lambda: len(heard.updates) == 1)
    yield heard
    await heard.client.disconnect()


async def test_an_update_has_every_field_and_comes_on_the_loop(heard: Heard, station: Station) -> None:
    station.push("NODE3000008", {"TimeStamp": "5354.46", "Value": "a|b%2C+", "Status.Color": ""})
    await until(lambda: len(heard.updates) == 2)

    snapshot, pushed = heard.updates
    assert (snapshot.item_id, snapshot.snapshot, snapshot.fields["Value"]) == ("NODE3000005", True, "37")
    assert pushed.fields == dict.fromkeys(FIELDS) | {
        "TimeStamp": "5354.46",
        "Value": "a|b%2C+",
        "Status.Color": "",
    }
    assert snapshot.session == pushed.session > 0
    assert heard.threads == {threading.get_ident()}


async def test_a_burst_wakes_the_loop_once(heard: Heard, monkeypatch: pytest.MonkeyPatch) -> None:
    heard.batches.clear()
    wakes: list[object] = []
    call = heard.client.call
    monkeypatch.setattr(heard.client, "call", lambda *arguments: wakes.append(call(*arguments)))
    for _ in range(1000):
        heard.client.enqueue(update())
    await until(lambda: len(heard.updates) == 1000)

    assert len(wakes) == 1
    assert [len(batch) for batch in heard.batches] == [HANDOVER_UPDATES, 1000 - HANDOVER_UPDATES]


async def test_the_loop_does_its_other_work_while_it_takes_a_burst(
    heard: Heard,
) -> None:
    heard.batches.clear()
    numbers = [str(number) for number in range(20 * HANDOVER_UPDATES)]
    for number in numbers:
        heard.client.enqueue(update(Value=number))
    heard.client.count_lost("NODE3000008", 7)
    turns = 0
    while not heard.lost:
        await asyncio.sleep(0)
        turns += 1

    assert [len(batch) for batch in heard.batches] == 20 * [HANDOVER_UPDATES]
    assert turns >= len(heard.batches)
    assert [update.fields["Value"] for update in heard.updates] == numbers
    assert heard.lost == [{"NODE3000008": 7}]


async def test_a_client_that_disconnects_hands_over_the_rest_of_a_burst(heard: Heard) -> None:
    heard.batches.clear()
    numbers = [str(number) for number in range(20 * HANDOVER_UPDATES)]
    for number in numbers:
        heard.client.enqueue(update(Value=number))
    await heard.client.disconnect()

    assert [update.fields["Value"] for update in heard.updates] == numbers


async def test_updates_that_arrive_one_by_one_are_handed_over_together(heard: Heard) -> None:
    heard.batches.clear()
    began = monotonic()
    for _ in range(50):
        heard.client.enqueue(update())
        await asyncio.sleep(0.002)
    await until(lambda: len(heard.updates) == 50)

    assert len(heard.batches) <= (monotonic() - began) / HANDOVER_SECONDS + 1


async def test_updates_cross_the_socket_in_order_and_complete(heard: Heard, station: Station) -> None:
    numbers = [str(number) for number in range(3000)]
    await station.play(measured("NODE3000005", datetime.now(UTC), number) for number in numbers)
    await until(lambda: len(heard.updates) == 1 + len(numbers))

    assert [update.fields["Value"] for update in heard.updates[1:]] == numbers
    assert heard.lost == []


async def test_a_library_that_cannot_be_corrected_does_the_same(station: Station) -> None:
    correct_library()
    with as_shipped():
        heard = Heard(station, "NODE3000005", "NOSUCHITEM")
        await until(lambda: station.listeners == 1 and heard.refused)
        numbers = [str(number) for number in range(100)]
        await station.play(measured("NODE3000005", datetime.now(UTC), number) for number in numbers)
        await until(lambda: len(heard.updates) == len(numbers))
        await heard.client.disconnect()

    assert [update.fields["Value"] for update in heard.updates] == numbers
    assert heard.refused == [("NOSUCHITEM", "21: Bad Item Group name")]
    assert heard.statuses[-1] == FINAL


async def test_updates_that_wait_are_handed_over_while_others_arrive(heard: Heard) -> None:
    heard.batches.clear()
    arrivals = [Thread(target=asyncio.run, args=[enqueue_apart(heard.client, 500)]) for _ in range(4)]
    for arrival in arrivals:
        arrival.start()
    await until(lambda: len(heard.updates) == 4 * 500)
    for arrival in arrivals:
        arrival.join()

    assert heard.lost == []


async def enqueue_apart(client: StationClient, count: int) -> None:
    """Enqueue updates one by one, as of so many reads of a socket."""
    for _ in range(count):
        client.enqueue(update())
        await asyncio.sleep(0)


async def test_what_the_loop_cannot_take_is_counted_and_said_once(
    heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "HANDOVER_LIMIT", 3)
    heard.batches.clear()
    for _ in range(5000):
        heard.client.enqueue(update())
    heard.client.count_lost("NODE3000008", 7)
    await until(lambda: heard.lost)

    assert [len(batch) for batch in heard.batches] == [3]
    assert heard.lost == [{"NODE3000005": 4997, "NODE3000008": 7}]


async def test_a_new_session_has_a_new_number_and_a_new_snapshot(heard: Heard, station: Station) -> None:
    station.faults.end(code=48)
    await until(lambda: len(heard.updates) == 2)

    before, after = heard.updates
    assert (after.item_id, after.snapshot) == ("NODE3000005", True)
    assert after.session > before.session


async def test_a_final_end_is_a_failure_with_its_reason(heard: Heard, station: Station) -> None:
    station.faults.end(code=8)
    await until(lambda: heard.failures)

    # 39 is the library's word for every end that it does not know as its own.
    assert heard.failures == [(39, "Ended by the station")]
    assert heard.statuses[-1] == FINAL


async def test_an_item_that_the_server_does_not_know_costs_no_other(station: Station) -> None:
    heard = Heard(station, "NODE3000005", "NOSUCHITEM", "NODE3000008")
    await until(lambda: station.listeners == 1 and heard.refused)
    for value in ("37", "38"):
        for item in ("NODE3000005", "NODE3000008"):
            station.publish(item, value)
    await until(lambda: len(heard.updates) == 4)
    await heard.client.disconnect()

    assert heard.refused == [("NOSUCHITEM", "21: Bad Item Group name")]
    assert heard.failures == []
    assert sorted((one.item_id, one.fields["Value"]) for one in heard.updates) == [
        *(("NODE3000005", value) for value in ("37", "38")),
        *(("NODE3000008", value) for value in ("37", "38")),
    ]
    assert len({one.session for one in heard.updates}) == 1


async def test_items_that_are_asked_for_apart_are_so_in_the_next_session_which_has_one_new_number(
    station: Station,
) -> None:
    station.publish("NODE3000005", "37")
    station.publish("NODE3000008", "38")
    heard = Heard(station, "NODE3000005", "NOSUCHITEM", "NODE3000008")
    await until(lambda: len(heard.updates) == 2)
    station.faults.end(code=48)
    await until(lambda: len(heard.updates) == 4)
    await heard.client.disconnect()

    first, second = ({one.session for one in heard.updates[part]} for part in (slice(2), slice(2, 4)))
    assert len(first) == len(second) == 1
    assert max(first) < min(second)


async def test_a_disconnect_at_once_leaves_no_session(station: Station) -> None:
    heard = Heard(station, "NODE3000005")
    await heard.client.disconnect()
    assert heard.statuses[-1] == FINAL

    watcher = Heard(station, "NODE3000005")
    await until(lambda: station.sessions == 1)
    await watcher.client.disconnect()
    await until(lambda: station.sessions == 0)


async def test_disconnect_returns_when_the_session_has_ended(heard: Heard, station: Station) -> None:
    await heard.client.disconnect()

    assert heard.statuses[-1] == FINAL
    await until(lambda: station.sessions == 0)
    heard.batches.clear()
    station.publish("NODE3000005", "38")
    await heard.client.disconnect()
    assert heard.batches == []


async def test_a_client_that_does_not_end_is_not_listened_to_after_disconnect(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "DISCONNECT_SECONDS", 0.1)
    station.publish("NODE3000005", "37")
    heard = Heard(station, "NODE3000005")
    await until(lambda: len(heard.updates) == 1)
    library = heard.client._client
    with monkeypatch.context() as patch:
        patch.setattr(library, "disconnect", lambda: None)
        await heard.client.disconnect()
    told = [*heard.statuses]
    station.publish("NODE3000005", "38")
    watcher = Heard(station, "NODE3000005")
    await until(lambda: len(watcher.updates) == 1)
    heard.client.count_lost("NODE3000005", 1)
    heard.client.fail(1, "late")
    library.disconnect()
    await until(lambda: station.sessions == 1)
    await watcher.client.disconnect()

    assert [one.fields["Value"] for one in heard.updates] == ["37"]
    assert (heard.statuses, heard.failures, heard.lost) == (told, [], [])
