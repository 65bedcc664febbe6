from iss_agents.simulator.journal import Journal


def filled(count: int, capacity: int = 100) -> Journal:
    journal = Journal(capacity)
    for number in range(count):
        journal.append(f"line {number}")
    return journal


def test_lines_are_taken_once_and_in_order() -> None:
    journal = filled(3)

    assert journal.take(2) == ["line 0", "line 1"]
    assert journal.unsent == 1
    assert journal.take(2) == ["line 2"]
    assert journal.take(2) == []


def test_lines_are_sent_again_after_a_rewind() -> None:
    journal = filled(3)
    journal.take(3)

    assert journal.rewind(1)
    assert journal.take(5) == ["line 1", "line 2"]


def test_does_not_rewind_to_what_was_never_sent() -> None:
    journal = filled(3)
    journal.take(2)

    assert not journal.rewind(3)


def test_old_lines_are_forgotten_and_cannot_be_asked_for() -> None:
    journal = filled(2, capacity=2)
    journal.take(2)
    journal.append("line 2")
    journal.append("line 3")

    assert not journal.overrun
    assert not journal.rewind(1)
    assert journal.take(2) == ["line 2", "line 3"]


def test_an_unsent_line_that_was_forgotten_is_an_overrun() -> None:
    journal = filled(4, capacity=2)

    assert journal.overrun
