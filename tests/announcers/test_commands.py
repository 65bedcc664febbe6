"""`iss-agents jokes`."""

import pytest
from click.testing import CliRunner

from iss_agents.announcers.commands import jokes
from iss_agents.announcers.texts.text import phrases


@pytest.mark.parametrize(("arguments", "count"), [([], 30), (["--count", "3"], 3), (["--count", "9999"], None)])
def test_jokes_prints_different_texts(arguments: list[str], count: int | None) -> None:
    result = CliRunner().invoke(jokes, arguments)
    *texts, facts = result.output.split("\n\n")

    assert result.exit_code == 0
    assert facts.startswith("Below each of them stands: 💧 ")
    assert facts.endswith(" UTC · tank 42 % → 45 %\n")
    assert result.output.count("💧") == 1
    assert len(set(texts)) == len(texts) == (count or len(phrases()))
