"""The comparison at the end of a soak."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from iss_agents.archive.mongo import DatabaseUnavailableError
from iss_agents.errors import UserError
from iss_agents.tools.soak import run

CONTEXT = cast("Any", SimpleNamespace(system=SimpleNamespace(settings=None), given=None))


@pytest.mark.parametrize("error", [DatabaseUnavailableError("timed out"), UserError("MongoDB took too long.")])
@pytest.mark.parametrize("failures", [0, 1, run.COMPARISONS - 1, run.COMPARISONS])
async def test_a_comparison_is_made_again_after_a_database_that_hung(
    monkeypatch: pytest.MonkeyPatch, error: Exception, failures: int
) -> None:
    errors = [error] * failures

    async def differences(*_arguments: object) -> list[str]:
        if errors:
            raise errors.pop()
        return ["one"]

    async def settle(*_arguments: object) -> float:
        return 0.0

    monkeypatch.setattr(run, "differences", differences)
    monkeypatch.setattr(run, "settle", settle)
    if failures < run.COMPARISONS:
        assert await run._compared(CONTEXT) == ["one"]
    else:
        with pytest.raises(type(error)):
            await run._compared(CONTEXT)
