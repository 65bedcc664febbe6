from iss_agents.tools.detection.offline import Step
from iss_agents.tools.detection.plot import Point, Trace
from tests.detection.factory import after, around_loss, steps, tank


def test_a_trace_keeps_levels_events_and_what_was_not_followed() -> None:
    readings = around_loss(700, tank(601, 27))
    trace = Trace()
    for reading, (state, events) in zip(readings, steps(readings), strict=True):
        trace.add(Step(reading, state, events))
    trace.finish()

    assert trace.points == [Point(after(0), 20.0), Point(after(601), 27.0), Point(after(699), 27.0)]
    assert [event.delta_percent for event in trace.events] == [7.0]
    assert trace.unseen == [(after(0), after(20)), (after(300), after(621))]


def test_a_span_that_lasts_is_drawn_to_the_end() -> None:
    readings = around_loss(600)
    trace = Trace()
    for reading, (state, events) in zip(readings, steps(readings), strict=True):
        trace.add(Step(reading, state, events))
    trace.finish()

    assert trace.unseen[-1] == (after(300), after(300))
