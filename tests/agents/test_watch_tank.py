import pytest

from iss_agents.agents.watch_tank import follow
from iss_agents.detection.state import State
from tests.detection.factory import SMALL_USE, stream


def test_a_line_leads_from_the_reading_that_decided_to_the_event(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "iss_agents.agents.watch_tank")
    readings = stream(SMALL_USE, 400)
    (event,) = follow(State(), readings)[1]

    (line,) = map(vars, caplog.records)
    decided = {reading.event_id: reading for reading in readings}[line["trace_id"]]
    assert decided.source_ts == event.detected_at
    assert (line["event_id"], line["item"]) == (event.event_id, decided.item_id)
    assert event.reading_ids[-1] == line["trace_id"]
