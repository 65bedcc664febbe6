"""5,000 updates a second through one Lightstreamer client, or shared by two: none lost, each once, in order."""

from pathlib import Path

import pytest

from tests.feed.client_cost import Load, measure

pytestmark = pytest.mark.long

RATE = 5000
SECONDS = 6


@pytest.mark.parametrize("shards", [1, 2])
async def test_a_feed_takes_5000_updates_a_second_without_loss(shards: int, tmp_path: Path) -> None:
    outcome = await measure(Load("feed", RATE, SECONDS, shards), tmp_path)
    print(f"{shards} client(s): {outcome}")  # noqa: T201

    assert outcome.wrong == 0
    assert outcome.received >= RATE * SECONDS
