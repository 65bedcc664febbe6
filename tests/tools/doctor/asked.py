"""What the command says."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from aiohttp.test_utils import TestServer
from aiohttp.web import Application, Request, Response
from click.testing import CliRunner

from iss_agents.tools.doctor.commands import doctor


class Answer(NamedTuple):
    """The exit code, and (subject, level, sentence) of each line."""

    exit_code: int
    lines: list[tuple[str, str, str]]

    def found(self, level: str) -> list[tuple[str, str]]:
        """Return subject and sentence of the lines of a level."""
        return [(subject, sentence) for subject, its_level, sentence in self.lines if its_level == level]


async def ask() -> Answer:
    """Run the command with the variables that are set."""
    result = await asyncio.to_thread(CliRunner().invoke, doctor, ["--json"])
    findings = json.loads(result.stdout)["findings"]
    assert json.loads(result.stdout)["ok"] is (result.exit_code == 0)
    return Answer(result.exit_code, [(line["subject"], line["level"], line["sentence"]) for line in findings])


@asynccontextmanager
async def serving(status: int, body: str, **headers: str) -> AsyncIterator[str]:
    """Answer every request like this, and give the address."""

    async def answer(_request: Request) -> Response:
        return Response(status=status, text=body, headers=headers)

    application = Application()
    application.router.add_get("/{path:.*}", answer)
    async with TestServer(application) as server:
        yield str(server.make_url("")).rstrip("/")
