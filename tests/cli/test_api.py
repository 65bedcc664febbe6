"""Every way in which a worker may fail to answer is one sentence."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import encode_basic_auth
from aiohttp.web import (
    ContentCoding,
    HTTPMovedPermanently,
    Request,
    Response,
    StreamResponse,
    json_response,
)

from iss_agents.cli import api
from iss_agents.local_stack.ports import free_port
from tests.cli.double import break_off, problem, serving
from tests.cli.running import ended, run, start


@asynccontextmanager
async def speaking(words: bytes) -> AsyncIterator[str]:
    """Serve a port that answers every question with `words` and hangs up."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(words)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_nobody_there_is_one_sentence_and_exit_code_1() -> None:
    url = f"http://127.0.0.1:{free_port()}"

    code, output, errors = await ended(await start(url, "status"))

    sentence = f"iss-agents: Nothing answers at {url}: start `iss-agents demo`, or set ISS_URL.\n"
    assert (code, output, errors) == (1, "", sentence)


@pytest.mark.parametrize(
    "words", [b"SSH-2.0-OpenSSH_9\r\n", b"\x15\x03\x01\x00\x02\x02\x46", b"HTTP/1.1 2x0 \r\n\r\n"]
)
async def test_what_speaks_no_http_is_no_worker(words: bytes) -> None:
    async with speaking(words) as url:
        ran = await run(url, "status")

    assert ran.error == f"What answers at {url} is not an iss-agents worker: set ISS_URL to the address of one."


async def test_what_hangs_up_has_broken_the_connection() -> None:
    async with speaking(b"") as url:
        ran = await run(url, "status")

    assert ran.error == f"The connection to {url} broke off."


async def test_an_answer_that_breaks_off_is_none() -> None:
    async with serving(status=break_off) as url:
        ran = await run(url, "status", "--json")

    assert ran.error == f"The connection to {url} broke off."


@pytest.mark.parametrize("command", ["status", "tail"])
@pytest.mark.parametrize(
    ("body", "media", "status"),
    [
        (b"<h1>Hello</h1>", "text/html", 200),
        (b"<h1>Not here</h1>", "text/html", 404),
        (b'{"status": "ok"', "application/json", 200),
        (b"\xff\xfe", "application/json", 200),
        (b"[1]", "application/json", 200),
        (b'{"detail": 1}', "application/problem+json", 500),
    ],
)
async def test_what_answers_otherwise_is_no_worker(command: str, body: bytes, media: str, status: int) -> None:
    async def answer(_request: Request) -> StreamResponse:
        return Response(body=body, content_type=media, status=status)

    async with serving(status=answer, stream=answer) as url:
        ran = await run(url, command)

    assert ran.error == f"What answers at {url} is not an iss-agents worker: set ISS_URL to the address of one."


async def test_the_sentence_of_a_problem_is_shown() -> None:
    async def refuse(_request: Request) -> StreamResponse:
        return problem(400, "text is too long")

    async with serving(items=refuse) as url:
        ran = await run(url, "items", "x")

    assert ran.error == "text is too long."


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (
            ["tail", "NODE300004"],
            "There is no item 'NODE300004': did you mean NODE3000014 (Hub Control Zone (HCZ) Mult",
        ),
        (["plot", "urine"], "There is no item 'urine': did you mean NODE3000005 (Urine Tank Qty)"),
        (["plot", "?"], "There is no item '?': `iss-agents items` lists them."),
        (["items", "--discipline", "ETHO"], "There is no discipline 'ETHO': there are ADCO"),
        (["status", "--watch"], "--watch needs a terminal: add --json"),
        (["events", "--from", "yesterday"], "'yesterday' is not a time"),
        (["export", "--from", "-1h", "--to", "-2h", "-o", "x.csv"], "--from -1h is after --to -2h."),
    ],
)
async def test_what_was_typed_wrong_is_named(arguments: list[str], error: str) -> None:
    ran = await run("http://127.0.0.1:1", *arguments)

    assert ran.error
    assert ran.error.startswith(error)


@pytest.mark.parametrize(("token", "sent"), [("secret", "Bearer secret"), ("", None)])
async def test_the_token_of_the_settings_is_sent(
    monkeypatch: pytest.MonkeyPatch, token: str, sent: str | None
) -> None:
    monkeypatch.setenv("ISS_READ_TOKEN", token)
    brought: list[str | None] = []

    async def refuse(request: Request) -> StreamResponse:
        brought.append(request.headers.get("Authorization"))
        return problem(401, "The token is wrong")

    async with serving(items=refuse) as url:
        ran = await run(url, "items")

    assert (ran.error, brought) == ("The token is wrong.", [sent])


async def test_a_user_in_the_address_is_sent_instead_of_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISS_READ_TOKEN", "secret")
    brought: list[str | None] = []

    async def refuse(request: Request) -> StreamResponse:
        brought.append(request.headers.get("Authorization"))
        return problem(401, "Who is this?")

    async with serving(items=refuse) as url:
        await run(url.replace("//", "//me:p%40ss@"), "items")

    assert brought == [encode_basic_auth("me", "p@ss")]


async def test_another_address_is_named_and_gets_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISS_READ_TOKEN", "secret")

    async def redirect(_request: Request) -> StreamResponse:
        raise HTTPMovedPermanently("https://station.example/api/v1/items")

    async with serving(items=redirect) as url:
        ran = await run(url, "items")

    assert ran.error == f"{url} redirects to https://station.example: set ISS_URL to the new address."


async def test_a_compressed_answer_is_read() -> None:
    async def answer(_request: Request) -> StreamResponse:
        response = json_response({"items": []})
        response.enable_compression(ContentCoding.gzip)
        return response

    async with serving(items=answer) as url:
        ran = await run(url, "items", "--json")

    assert ran.output == '{"items": []}\n'


async def test_what_is_not_really_compressed_is_no_worker() -> None:
    async def answer(_request: Request) -> StreamResponse:
        return Response(body=b"{}", headers={"Content-Encoding": "gzip"})

    async with serving(items=answer) as url:
        ran = await run(url, "items")

    assert ran.error == f"What answers at {url} is not an iss-agents worker: set ISS_URL to the address of one."


async def test_who_accepts_but_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "ANSWER_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        ran = await run(url, "status")

    assert ran.error == f"{url} does not answer in time: try again, or ask for less."
