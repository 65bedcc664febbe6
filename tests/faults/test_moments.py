"""A worker that is killed in the very moment between two steps that belong together."""

from pathlib import Path

import pytest

from iss_agents.kafka_logs import quiet_kafka_logs
from iss_agents.soak.patience import until
from tests.faults.stage import SETTLE_SECONDS, Stage

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

DEATHS = 3

DYING = """
import os
import signal
from pathlib import Path

ORDER = Path({order!r})

def die_if_ordered():
    if ORDER.exists():
        ORDER.unlink()
        os.kill(os.getpid(), signal.SIGKILL)
"""
"""Python runs this in the worker before all else, and then one of MOMENTS."""

MOMENTS = {
    "stored in MongoDB and not committed": """
from iss_agents.archive import intake
whole = intake.Intake.commit
async def commit(self, batch):
    if batch.offsets:
        die_if_ordered()
    await whole(self, batch)
intake.Intake.commit = commit
""",
    "in the Table and not acknowledged": """
from iss_agents import metrics
whole = metrics.LAST_SEEN.labels
def labels(outcome):  # keep_last_seen counts right after its Table
    die_if_ordered()
    return whole(outcome)
metrics.LAST_SEEN.labels = labels
""",
    "forwarded and not in the Table": """
from iss_agents.agents import newer
whole = newer.fold
def fold(readings, held):
    if any(reading.item_id == "NODE3000005" for reading in readings):
        die_if_ordered()
    return whole(readings, held)
newer.fold = fold
""",
}


@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_worker_that_is_killed_between_two_steps_repeats_and_loses_nothing(
    moment: str, tmp_path: Path
) -> None:
    quiet_kafka_logs()
    order = tmp_path / "die"
    (tmp_path / "sitecustomize.py").write_text(DYING.format(order=str(order)) + MOMENTS[moment])
    stage = Stage(tmp_path, PYTHONPATH=str(tmp_path))
    try:
        await stage.begin()
        for _ in range(DEATHS):
            order.touch()
            await until("it dies", lambda: not order.exists(), SETTLE_SECONDS)
            await stage.recovered(f"killed when {moment}")

        assert stage.system.restarts == DEATHS
        assert await stage.differences() == []
    finally:
        await stage.end()
