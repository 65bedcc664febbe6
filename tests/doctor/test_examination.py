"""A check that hangs or breaks hurts no other."""

import asyncio
from time import monotonic

import pytest

from iss_agents.doctor import examination
from iss_agents.doctor.clock import judged
from iss_agents.doctor.examination import Line, examine
from iss_agents.doctor.findings import Finding, NotLookedAt, failing, ok, warning
from iss_agents.settings import Settings


async def hangs(_settings: Settings) -> list[Finding]:
    await asyncio.Event().wait()
    return []


async def breaks(_settings: Settings) -> list[Finding]:
    raise KeyError("setName")


async def cannot_look(_settings: Settings) -> list[Finding]:
    raise NotLookedAt("Kafka does not answer")


async def works(_settings: Settings) -> list[Finding]:
    return [ok("It works."), warning("Not for long.")]


async def test_a_check_that_hangs_or_breaks_hurts_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "CHECK_SECONDS", 0.2)
    began = monotonic()
    checks = {"a": hangs, "b": hangs, "c": breaks, "d": cannot_look, "e": works}
    lines = await examine(Settings(_env_file=None), checks)

    assert monotonic() - began < 2
    silent = failing("No answer within 0.2 s: see whether what it asks is overloaded.")
    assert lines == [
        Line("a", silent),
        Line("b", silent),
        Line("c", failing("The check itself broke (KeyError: 'setName'): report this.")),
        Line("d", warning("Not looked at, because Kafka does not answer.")),
        Line("e", ok("It works.")),
        Line("e", warning("Not for long.")),
    ]


@pytest.mark.parametrize(
    ("away", "level"), [(0, "ok"), (5, "ok"), (6, "warning"), (60, "warning"), (61, "failing")]
)
def test_clocks_may_differ_by_seconds(away: float, level: str) -> None:
    assert judged("MongoDB", away).level == level
