"""What is counted of the updates that come in."""

import pytest
from prometheus_client import REGISTRY

from iss_agents.catalog import SIGNAL_ITEM
from iss_agents.feed.intake import Intake
from iss_agents.station_clock import station_hours
from tests.feed.factory import after, update


def newest() -> float | None:
    return REGISTRY.get_sample_value("iss_feed_last_reading_timestamp_seconds")


def acquired() -> float | None:
    return REGISTRY.get_sample_value("iss_signal_acquired")


def delays() -> tuple[float, float]:
    """Return how many delays were observed, and their sum in seconds."""
    name = "iss_source_to_ingest_seconds"
    count, total = (REGISTRY.get_sample_value(f"{name}_{what}") for what in ("count", "sum"))
    return count or 0.0, total or 0.0


def test_the_memory_of_the_server_is_no_new_reading() -> None:
    intake = Intake("simulated")

    intake.take([update(TimeStamp=repr(station_hours(after(2))))])
    assert newest() == after(2).timestamp()

    snapshot = update()._replace(snapshot=True, session=2, arrival=after(90))
    intake.take([snapshot])
    assert newest() == after(2).timestamp()


def test_a_feed_that_ends_says_nothing_of_the_signal_any_longer() -> None:
    intake = Intake("simulated")

    intake.take([update(SIGNAL_ITEM, TimeStamp=repr(station_hours(after(2))))])
    intake.look(after(3))
    assert acquired() == 1.0

    intake.finish(after(4))
    assert acquired() == 0.0


def test_of_updates_that_came_together_the_slowest_is_observed() -> None:
    intake, (count, total) = Intake("simulated"), delays()
    slower = update("NODE3000008", TimeStamp=repr(station_hours(after(-3))))

    intake.take([update(), slower, update("NODE3000009")])
    intake.take([update()._replace(snapshot=True, session=2)])

    assert delays()[0] == count + 1
    assert delays()[1] == pytest.approx(total + 9)
