"""Values as the command line writes them."""

import pytest

from iss_agents.cli.formatting import short
from tests.formatted import NUMBERS


@pytest.mark.parametrize(("value", "number", "shown"), NUMBERS)
def test_a_number_is_written_as_on_the_page(value: str, number: float, shown: str) -> None:
    assert short(value, number) == shown
