"""A worker that is killed in the very moment between two steps that belong together."""

import os
from functools import partial
from pathlib import Path

import pytest

from iss_agents.feed.producer_record import outgoing_reading
from iss_agents.kafka.clients import quiet_kafka_logs
from iss_agents.simulator.tank import STANDBY
from iss_agents.telemetry.catalog import PROCESSOR_ITEM
from iss_agents.tools.testbed.polling import until
from tests.factories import reading_of
from tests.faults.dying import MOMENTS
from tests.faults.stage import SETTLE_SECONDS, Stage

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

DEATHS = 2
"""In each moment, so that one follows upon another of its kind."""

PROGRAM = """
from pathlib import Path
from tests.faults.dying import die_when_ordered
die_when_ordered(Path({orders!r}))
"""

PROJECT = Path(__file__).parents[2]


async def test_a_worker_that_is_killed_between_two_steps_repeats_and_loses_nothing(tmp_path: Path) -> None:
    quiet_kafka_logs()
    (tmp_path / "sitecustomize.py").write_text(PROGRAM.format(orders=str(tmp_path)))
    stage = Stage(tmp_path, PYTHONPATH=f"{tmp_path}{os.pathsep}{PROJECT}")
    try:
        await stage.begin()
        for order in [tmp_path / moment for moment in MOMENTS for _ in range(DEATHS)]:
            order.touch()
            # The tank is seldom used, and one of its readings is to be forwarded now.
            stage.generator.publisher.offer([outgoing_reading(reading_of(PROCESSOR_ITEM, STANDBY))])
            await until("the order is obeyed", partial(is_gone, order), SETTLE_SECONDS)
            await stage.recovered(f"killed when {order.name}")

        assert stage.system.restarts == DEATHS * len(MOMENTS)
        assert await stage.differences() == []
    finally:
        await stage.end()


def is_gone(order: Path) -> bool:
    return not order.exists()
