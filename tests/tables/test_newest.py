from typing import Any
from unittest.mock import Mock

import faust

from tables.newest import NewestTable


def changelog(*records: tuple[str, dict[str, Any] | None]) -> list[Any]:
    return [Mock(key=key, value=value, message=Mock(key=key, value=value)) for key, value in records]


def restored(*records: tuple[str, dict[str, Any] | None]) -> dict[str, Any]:
    app = faust.App("newest-test", store="memory://", Table=NewestTable)
    table = app.Table("newest", partitions=1)
    for record in records:
        table.apply_changelog_batch(changelog(record))
    together = app.Table("together", partitions=1)
    together.apply_changelog_batch(changelog(*records))
    assert dict(together.data) == dict(table.data)
    return dict(table.data)


def test_the_later_value_stays() -> None:
    assert restored(("a", {"sequence": 1}), ("a", {"sequence": 2})) == {"a": {"sequence": 2}}


def test_an_older_value_that_was_written_later_does_not_come_back() -> None:
    assert restored(("a", {"sequence": 2}), ("a", {"sequence": 1})) == {"a": {"sequence": 2}}


def test_a_second_value_of_the_same_sequence_stays() -> None:
    first, second = {"sequence": 2, "event_ids": ["x"]}, {"sequence": 2, "event_ids": ["x", "y"]}

    assert restored(("a", first), ("a", second)) == {"a": second}


def test_a_deleted_key_may_begin_again() -> None:
    assert restored(("a", {"sequence": 5}), ("a", None), ("a", {"sequence": 1})) == {"a": {"sequence": 1}}
