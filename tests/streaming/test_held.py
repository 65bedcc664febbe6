"""Batches that are held while their agent is busy."""

from types import SimpleNamespace
from typing import Any, cast

from faust.types import TP

from iss_agents.streaming.delivery import Delivery


async def test_a_rebalance_may_forget_what_is_held_while_something_else_is_delivered() -> None:
    first, second = TP("a", 0), TP("a", 1)
    held, delivered = {first: ["1"], second: ["2"]}, []

    async def deliver(tp: TP, records: list[str]) -> None:
        delivered.append((tp, records))
        held.clear()

    await Delivery._deliver_held(cast("Any", SimpleNamespace(_held=held, _deliver_batches=deliver)))

    assert delivered == [(first, ["1"])]
