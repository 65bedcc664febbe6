from iss_agents.tools.evaluation.scenario import Ramp, Span, Story


def test_a_ramp_is_done_evenly() -> None:
    ramp = Ramp("use", 10.0, 20.0, 5.0)

    assert [ramp.done(at) for at in (0, 10, 15, 20, 99)] == [0.0, 0.0, 2.5, 5.0, 5.0]


def test_a_jump_takes_no_time() -> None:
    story = Story(30.0, 100.0)
    story.jump(50.0, -9.0)

    assert [story.level(at) for at in (49.9, 50.0)] == [30.0, 21.0]


def test_what_happens_at_once_adds_up() -> None:
    story = Story(50.0, 1000.0)
    story.drain(0.0, 2.0, 300.0)
    story.use(300.0, 3.0, 0.1)

    assert story.level(300.0) == 49.0
    assert story.level(1000.0) == 51.0
    assert list(story.of("use")) == [Ramp("use", 300.0, 330.0, 3.0)]


def test_spans_are_near_within_the_slack() -> None:
    assert Span(0.0, 10.0).near(Span(12.0, 20.0), slack=2.0)
    assert not Span(0.0, 10.0).near(Span(12.0, 20.0), slack=1.9)
