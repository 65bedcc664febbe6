from iss_agents.simulator.tlcp.replay_buffer import ReplayBuffer


def filled(count: int, capacity: int = 100) -> ReplayBuffer:
    buffer = ReplayBuffer(capacity)
    for number in range(count):
        buffer.append(f"line {number}")
    return buffer


def test_lines_are_taken_once_and_in_order() -> None:
    buffer = filled(3)

    assert buffer.next_lines(2) == ["line 0", "line 1"]
    assert buffer.unsent == 1
    assert buffer.next_lines(2) == ["line 2"]
    assert buffer.next_lines(2) == []


def test_lines_are_sent_again_after_a_rewind() -> None:
    buffer = filled(3)
    buffer.next_lines(3)

    assert buffer.rewind(1)
    assert buffer.next_lines(5) == ["line 1", "line 2"]


def test_does_not_rewind_to_what_was_never_sent() -> None:
    buffer = filled(3)
    buffer.next_lines(2)

    assert not buffer.rewind(3)


def test_old_lines_are_forgotten_and_cannot_be_asked_for() -> None:
    buffer = filled(2, capacity=2)
    buffer.next_lines(2)
    buffer.append("line 2")
    buffer.append("line 3")

    assert not buffer.overrun
    assert not buffer.rewind(1)
    assert buffer.next_lines(2) == ["line 2", "line 3"]


def test_an_unsent_line_that_was_forgotten_is_an_overrun() -> None:
    buffer = filled(4, capacity=2)

    assert buffer.overrun
