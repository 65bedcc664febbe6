"""Pages of a real spool are overwritten, and it is known what is lost with them."""

from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest

from iss_agents.feed.producer_record import outgoing_reading
from iss_agents.feed.spool import Spool
from iss_agents.tools.soak.spool_faults import overwrite
from iss_agents.tools.testbed.sequence import NUMBERED_ITEMS, Numbered, reading_of

READINGS = 300


@pytest.mark.parametrize("seed", [3, 4, 5])
def test_what_was_overwritten_is_what_the_file_does_not_hold_any_more(tmp_path: Path, seed: int) -> None:
    time = datetime(2026, 11, 24, tzinfo=UTC)
    item = NUMBERED_ITEMS[0]
    readings = [reading_of(Numbered(item, number, time), time) for number in range(1, READINGS + 1)]
    records = {(item, number): outgoing_reading(reading) for number, reading in enumerate(readings, 1)}
    spool = Spool(tmp_path / "spool.sqlite", limit_bytes=1 << 24)
    spool.append(list(records.values()))
    spool.close()

    lost = overwrite(spool.path, Random(seed))

    held = spool.path.read_bytes()
    assert lost == {named for named, record in records.items() if record.value not in held}
    assert 0 < len(lost) < READINGS / 2
