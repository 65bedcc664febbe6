"""What is said of a wrong parameter or field."""

import re
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field

from iss_agents.telemetry import catalog
from web.base.parameters import ITEM_PATTERN, ItemId, validated
from web.base.problems import Problem


class Sample(BaseModel):
    """A field of every kind."""

    count: Annotated[int, Field(ge=1, le=10)] = 1
    share: Annotated[float, Field(ge=0)] = 0.5
    yes: bool = True
    by: Literal["day", "hour"] = "day"
    text: Annotated[str, Field(max_length=3)] | None = None
    word: Annotated[str, Field(min_length=2)] = "ab"
    name: Annotated[str, Field(min_length=1, max_length=3)] = "a"
    items: Annotated[list[ItemId], Field(max_length=2)] = []
    numbers: list[int] = []


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"count": "many"}, "a whole number from 1 to 10"),
        ({"count": "0"}, "a whole number from 1 to 10"),
        ({"count": "1.5"}, "a whole number from 1 to 10"),
        ({"count": "9" * 5000}, "a whole number from 1 to 10"),
        ({"share": "half"}, "a number from 0"),
        ({"share": "-1"}, "a number from 0"),
        ({"yes": "perhaps"}, "true or false"),
        ({"by": "week"}, "one of day, hour"),
        ({"text": "abcd"}, "a text of at most 3 characters"),
        ({"word": "a"}, "a text of at least 2 characters"),
        ({"name": ""}, "a text of 1 to 3 characters"),
        ({"numbers": ["one"]}, "a whole number"),
        ({"items": ["NODE9"]}, "an item of the catalogue; GET /api/v1/items lists them"),
        ({"items": ["NODE3000005"] * 3}, "at most 2 values"),
    ],
)
def test_what_was_expected_is_said_in_plain_words(values: dict[str, object], expected: str) -> None:
    with pytest.raises(Problem) as raised:
        validated(Sample, lambda: Sample.model_validate(values))

    assert raised.value.members["expected"] == expected


def test_a_misspelt_name_is_told_before_a_missing_one() -> None:
    class Needy(BaseModel, extra="forbid"):
        item: str

    with pytest.raises(Problem, match="itme is 'A'; expected one of the names item"):
        validated(Needy, lambda: Needy.model_validate({"itme": "A"}))


def test_the_pattern_of_items_fits_the_catalogue() -> None:
    assert [item for item in catalog.items() if not re.fullmatch(ITEM_PATTERN, item)] == []
