"""Requests that no well-behaved client sends, over plain HTTP, and what is answered."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import ClientSession, WSMsgType

from iss_agents.simulator.station import Station
from iss_agents.simulator.tlcp.replay_buffer import ReplayBuffer
from iss_agents.simulator.tlcp.wire import SUBPROTOCOL

Ask = Callable[[str, str], Awaitable[str]]
POLL = "LS_polling=true&LS_polling_millis=0"
ADD = "LS_reqId=1&LS_op=add&LS_subId=1&LS_mode=MERGE&LS_group=NODE3000005&LS_schema=Value&LS_snapshot=true"


@pytest.fixture
async def ask(station: Station) -> AsyncIterator[Ask]:
    """Post a request and return the answer's text."""
    async with ClientSession() as http:

        async def post(path: str, body: str) -> str:
            async with http.post(f"{station.url}/lightstreamer/{path}", data=body) as answer:
                return await answer.text()

        yield post


async def created(ask: Ask) -> str:
    head, *_ = (await ask("create_session.txt", f"LS_adapter_set=ISSLIVE&{POLL}")).split("\r\n")
    return head.split(",")[1]


async def test_create_answers_with_the_session_and_a_loop(ask: Ask) -> None:
    assert await ask("create_session.txt", f"LS_adapter_set=ISSLIVE&{POLL}") == (
        "CONOK,S0001,50000,5000,*\r\nSERVNAME,station\r\nCONS,unlimited\r\nLOOP,0\r\n"
    )


async def test_poll_delivers_what_happened_and_loops(station: Station, ask: Ask) -> None:
    session = await created(ask)
    assert await ask(f"control.txt?LS_session={session}", ADD) == "REQOK,1\r\n"
    station.publish("NODE3000005", "37")
    answer = await ask("bind_session.txt", f"LS_session={session}&{POLL}&LS_idle_millis=19000")

    assert answer.split("\r\n")[3:] == ["SUBOK,1,1,1", "CONF,1,unlimited,filtered", "U,1,1,37", "LOOP,0", ""]


async def test_recovery_repeats_from_the_asked_place(station: Station, ask: Ask) -> None:
    session = await created(ask)
    await ask(f"control.txt?LS_session={session}", ADD)
    for level in ("37", "38"):
        station.publish("NODE3000005", level)
    await ask("bind_session.txt", f"LS_session={session}&{POLL}")
    answer = await ask("bind_session.txt", f"LS_session={session}&LS_recovery_from=3&{POLL}")

    assert answer.split("\r\n")[3:] == ["PROG,3", "U,1,1,38", "LOOP,0", ""]


@pytest.mark.parametrize("place", ["5", "-1", "x"])
async def test_recovery_from_a_place_that_is_not_kept_is_refused(ask: Ask, place: str) -> None:
    session = await created(ask)
    answer = await ask("bind_session.txt", f"LS_session={session}&LS_recovery_from={place}&{POLL}")

    assert answer == "CONERR,4,Nothing is kept from there on\r\n"


@pytest.mark.parametrize(
    ("path", "body", "answer"),
    [
        ("create_session.txt", "nonsense", "CONERR,67,Malformed request"),
        ("create_session.txt", POLL, "CONERR,2,Requested Adapter Set not available"),
        (
            "create_session.txt",
            "LS_adapter_set=ISSLIVE&LS_keepalive_millis=soon",
            "CONERR,65,LS_keepalive_millis is not a whole number",
        ),
        ("bind_session.txt", f"LS_session=S9&{POLL}", "CONERR,20,Session not found"),
        ("control.txt", "nonsense", "ERROR,67,Malformed request"),
        ("control.txt", "LS_op=add", "ERROR,65,LS_reqId is missing"),
        ("control.txt", "LS_reqId=7&LS_op=add&LS_session=S9", "REQERR,7,20,Session not found"),
        ("heartbeat.txt", "", "REQOK"),
        ("msg.txt", "LS_reqId=7&LS_message=hello", "ERROR,67,Malformed request"),
    ],
)
async def test_requests_without_a_session_are_answered(ask: Ask, path: str, body: str, answer: str) -> None:
    assert await ask(path, body) == answer + "\r\n"


@pytest.mark.parametrize(
    ("change", "answer"),
    [
        ({"LS_op": "dance"}, "65,LS_op is not an operation"),
        ({"LS_subId": "x"}, "65,LS_subId is not a new number"),
        ({"LS_data_adapter": "OTHER"}, "17,Bad Data Adapter name"),
        ({"LS_mode": "RAW"}, "24,Subscription mode not allowed for an Item"),
        ({"LS_group": "NODE3000005%20NOWHERE"}, "21,Bad Item Group name"),
        ({"LS_group": ""}, "21,Bad Item Group name"),
        ({"LS_schema": "Value%20Colour"}, "23,Bad Field schema name"),
        ({"LS_requested_max_frequency": "often"}, "65,LS_requested_max_frequency is not a frequency"),
        ({"LS_requested_max_frequency": "0"}, "65,LS_requested_max_frequency is not a frequency"),
        ({"LS_op": "delete"}, "19,Specified subscription not found"),
        ({"LS_op": "reconf"}, "19,Specified subscription not found"),
    ],
)
async def test_wrong_control_requests_are_refused(ask: Ask, change: dict[str, str], answer: str) -> None:
    session = await created(ask)
    parameters = dict(part.split("=") for part in ADD.split("&")) | change
    body = "&".join(f"{name}={value}" for name, value in parameters.items())

    assert await ask(f"control.txt?LS_session={session}", body) == f"REQERR,1,{answer}\r\n"


async def test_several_requests_come_in_one_body(ask: Ask) -> None:
    session = await created(ask)
    body = f"{ADD}\r\nLS_reqId=2&LS_op=delete&LS_subId=1\r\nLS_reqId=3&LS_op=destroy\r\n"

    assert await ask(f"control.txt?LS_session={session}", body) == "REQOK,1\r\nREQOK,2\r\nREQOK,3\r\n"
    assert await ask("bind_session.txt", f"LS_session={session}&{POLL}") == (
        "CONERR,31,Destroyed by its client\r\n"
    )


async def test_short_content_length_ends_the_stream_with_a_loop(ask: Ask) -> None:
    session = await created(ask)
    await ask(f"control.txt?LS_session={session}", ADD)
    answer = await ask("bind_session.txt", f"LS_session={session}&LS_content_length=20")

    assert answer.split("\r\n")[-2:] == ["LOOP,0", ""]


async def test_websocket_speaks_the_protocol(station: Station) -> None:
    async with (
        ClientSession() as http,
        http.ws_connect(f"{station.url}/lightstreamer", protocols=(SUBPROTOCOL,)) as socket,
    ):
        assert socket.protocol == SUBPROTOCOL
        await socket.send_str("wsok")
        assert await socket.receive_str() == "WSOK\r\n"
        await socket.send_str("bind_session\r\nLS_session=S9")
        assert await socket.receive_str() == "CONERR,20,Session not found\r\n"
        await socket.send_str("create_session\r\nLS_adapter_set=ISSLIVE&LS_keepalive_millis=100")
        assert (await socket.receive_str()).startswith("CONOK,S0001,50000,100,*\r\n")
        assert await socket.receive_str() == "PROBE\r\n"
        await socket.send_str("control\r\nLS_reqId=1&LS_op=force_rebind")
        assert {await socket.receive_str(), await socket.receive_str()} == {"REQOK,1\r\n", "LOOP,0\r\n"}
        await socket.send_str("bind_session\r\n")
        assert (await socket.receive_str()).startswith("CONOK,S0001,")
        await socket.send_bytes(b"binary")
        assert (await socket.receive()).type in {WSMsgType.CLOSE, WSMsgType.CLOSED}


async def test_nothing_is_sent_after_the_unsubscription(station: Station, ask: Ask) -> None:
    session = await created(ask)
    await ask(f"control.txt?LS_session={session}", ADD)
    await ask(f"control.txt?LS_session={session}", "LS_reqId=2&LS_op=delete&LS_subId=1")
    station.publish("NODE3000005", "37")
    answer = await ask("bind_session.txt", f"LS_session={session}&{POLL}")

    assert answer.split("\r\n")[3:] == ["SUBOK,1,1,1", "CONF,1,unlimited,filtered", "UNSUB,1", "LOOP,0", ""]


async def test_session_with_a_hole_is_not_bound_again(
    station: Station, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ReplayBuffer.__init__, "__defaults__", (10,))
    session = await created(ask)
    await ask(f"control.txt?LS_session={session}", ADD)
    for level in range(20):
        station.publish("NODE3000005", str(level))
    answer = await ask("bind_session.txt", f"LS_session={session}&{POLL}")

    assert answer == "CONERR,4,Too much was missed to recover\r\n"


async def test_client_between_two_polls_is_told_that_its_session_ended(station: Station, ask: Ask) -> None:
    session = await created(ask)
    station.faults.end()

    assert await ask("bind_session.txt", f"LS_session={session}&{POLL}") == "CONERR,32,Ended by the station\r\n"


async def test_a_client_that_leaves_before_its_answers_is_no_error(
    station: Station, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        ClientSession() as http,
        http.ws_connect(f"{station.url}/lightstreamer", protocols=(SUBPROTOCOL,)) as socket,
    ):
        for _ in range(200):
            await socket.send_str("wsok")
        connection = socket._response.connection
        assert connection
        assert connection.transport
        connection.transport.abort()
    # A later client is answered only after the requests of the first, which one loop serves in turn.
    async with (
        ClientSession() as http,
        http.ws_connect(f"{station.url}/lightstreamer", protocols=(SUBPROTOCOL,)) as socket,
    ):
        await socket.send_str("wsok")
        assert await socket.receive_str() == "WSOK\r\n"

    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []
