"""Offsets at which the recovery of a changelog begins."""

from collections import Counter
from types import SimpleNamespace
from typing import Any, cast

import pytest
from faust.transport.consumer import ThreadDelegateConsumer
from faust.types import TP

from iss_agents.streaming.consumer import BatchConsumer
from iss_agents.streaming.delivery import NOTHING_READ

ENDS = {TP("longer", 0): 8, TP("read", 0): 5, TP("shorter", 0): 3, TP("empty", 0): 0, TP("unread", 0): 2}


async def test_a_changelog_that_ends_before_what_was_read_of_it_is_read_from_its_beginning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def highwaters(_self: object, *_partitions: TP) -> dict[TP, int]:
        return ENDS

    monkeypatch.setattr(ThreadDelegateConsumer, "highwaters", highwaters)
    read = Counter({tp: 4 for tp in ENDS if tp.topic != "unread"})
    consumer = BatchConsumer.__new__(BatchConsumer)
    consumer.app = cast(
        "Any", SimpleNamespace(tables=SimpleNamespace(recovery=SimpleNamespace(active_offsets=read)))
    )

    assert await consumer.highwaters(*ENDS) == ENDS
    assert {tp.topic: offset for tp, offset in read.items()} == {
        "longer": 4,
        "read": 4,
        "shorter": NOTHING_READ,
        "empty": NOTHING_READ,
    }
