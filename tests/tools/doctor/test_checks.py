"""A check that hangs or breaks hurts no other."""

import asyncio
from time import monotonic

import pytest

from iss_agents.config.settings import Settings
from iss_agents.tools.doctor.checks import Line, examine
from iss_agents.tools.doctor.clocks import finding_of
from iss_agents.tools.doctor.findings import Finding, NotCheckedError, failing, ok, warning


async def hangs(_settings: Settings) -> list[Finding]:
    await asyncio.Event().wait()
    return []


async def breaks(_settings: Settings) -> list[Finding]:
    raise KeyError("setName")


async def cannot_look(_settings: Settings) -> list[Finding]:
    raise NotCheckedError("Kafka does not answer")


async def works(_settings: Settings) -> list[Finding]:
    return [ok("It works."), warning("Not for long.")]


async def test_a_check_that_hangs_or_breaks_hurts_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("iss_agents.tools.doctor.checks.CHECK_SECONDS", 0.2)
    began = monotonic()
    checks = {"a": hangs, "b": hangs, "c": breaks, "d": cannot_look, "e": works}
    lines = await examine(Settings(_env_file=None), checks)

    assert monotonic() - began < 2
    silent = failing("No answer within 0.2 s: see whether what it asks is overloaded.")
    assert lines == [
        Line("a", silent),
        Line("b", silent),
        Line("c", failing("The check itself broke (KeyError: 'setName'): report this.")),
        Line("d", warning("Not checked, because Kafka does not answer.")),
        Line("e", ok("It works.")),
        Line("e", warning("Not for long.")),
    ]


@pytest.mark.parametrize(
    ("away", "level"), [(0, "ok"), (5, "ok"), (6, "warning"), (60, "warning"), (61, "failing")]
)
def test_clocks_may_differ_by_seconds(away: float, level: str) -> None:
    assert finding_of("MongoDB", away).level == level
