"""How many records the archive writes at once follows from how long the database takes for them."""

from iss_agents.archive.batch_size import AIM_SECONDS, LARGEST, SMALLEST, BatchSize


def learnt(*seconds_of_each: float) -> list[int]:
    """The sizes that follow from full batches whose records took so long each."""
    size = BatchSize()
    sizes = []
    for seconds in seconds_of_each:
        size.learn(size.records, size.records * seconds)
        sizes.append(size.records)
    return sizes


def test_a_quick_database_gets_larger_batches_step_by_step() -> None:
    assert learnt(10e-6, 10e-6, 10e-6) == [2 * SMALLEST, LARGEST, LARGEST]


def test_a_batch_is_what_the_database_takes_in_a_quarter_of_a_second() -> None:
    assert learnt(AIM_SECONDS / 800) == [800]


def test_a_slow_database_gets_the_smallest_at_once() -> None:
    assert learnt(10e-6, 10e-6, 1.0) == [2 * SMALLEST, LARGEST, SMALLEST]


def test_a_batch_that_was_not_full_says_nothing() -> None:
    size = BatchSize()
    size.learn(SMALLEST - 1, 0.001)

    assert size.records == SMALLEST
