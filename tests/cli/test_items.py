"""`iss-agents items`."""

import io
import re

import msgspec
import pytest
from aiohttp.web import Request, StreamResponse, json_response

from iss_agents.cli.items import table
from iss_agents.cli.replies import Item
from iss_agents.runtime.console import PrintableConsole
from tests.cli.double import item, serving
from tests.cli.running import run

ITEMS = [
    item("USLAB000058", "745.2", unit="mmHg", discipline="SPARTAN"),
    item("NODE3000004", "32", state="NORMAL"),
    item("NODE3000008", None),
]


class Items:
    """Answers with `items` and keeps what was asked."""

    def __init__(self, *items: object) -> None:
        self.items = items
        self.asked: dict[str, str] = {}

    async def answer(self, request: Request) -> StreamResponse:
        self.asked = dict(request.query)
        return json_response({"items": self.items})


async def test_items_are_listed_by_discipline() -> None:
    double = Items(*ITEMS)
    async with serving(items=double.answer) as url:
        ran = await run(url, "items")

    assert (
        ran.output
        == """\
item         value             age  name
ETHOS
NODE3000004  NORMAL          1 min  name of NODE3000004
NODE3000008  never measured  never  name of NODE3000008
SPARTAN
USLAB000058  745.2 mmHg      1 min  name of USLAB000058
"""
    )
    assert double.asked == {}


@pytest.mark.parametrize(
    ("value", "number", "shown"),
    [
        ("742.6315255392435", 742.6315255392435, "742.632"),
        ("-123456789", -123456789, "-123456789"),
        ("9" * 255, 1e255, "1e+255"),
        ("0" * 250 + "7.5", 7.5, "7.50000"),
        ("0." + "0" * 250 + "25", 2.5e-251, "2.5e-251"),
        ("1e999", None, "1e999"),
        ("x" * 256, None, "x" * 27 + "…"),
    ],
)
async def test_no_value_breaks_the_table(value: str, number: float | None, shown: str) -> None:
    double = Items(item("USLAB000058", value, unit="", number=number))
    async with serving(items=double.answer) as url:
        ran = await run(url, "items")

    assert ran.output.splitlines()[2].split() == [
        "USLAB000058",
        shown,
        "1",
        "min",
        *["name", "of", "USLAB000058"],
    ]


async def test_it_is_said_of_what_is_stale_why() -> None:
    stuck = item("USLAB000033", "5", stale=True, freshness="stuck", age_seconds=72_000)
    unseen = item("USLAB000086", "2", stale=True, freshness="not_seen")
    double = Items(stuck, unseen, item("USLAB000012", "2", freshness="unchanged"))
    async with serving(items=double.answer) as url:
        ran = await run(url, "items")

    assert [line.split("%")[1].split("name")[0].strip() for line in ran.output.splitlines()[2:]] == [
        "stuck 20 h",
        "not seen 1 min",
        "1 min",
    ]


async def test_with_a_text_the_best_item_comes_first() -> None:
    tank = item("NODE3000005", "32", discipline="SPARTAN", plain_name="Urine tank level")
    double = Items(tank, item("NODE3000004", "32", state="NORMAL"))
    async with serving(items=double.answer) as url:
        ran = await run(url, "items", "pee")

    assert [line.split("  ")[0] for line in ran.output.splitlines()[1:]] == [
        "SPARTAN",
        "NODE3000005",
        "ETHOS",
        "NODE3000004",
    ]
    assert "Urine tank level" in ran.output


async def test_a_single_item_is_explained() -> None:
    for note, source in (("", ""), ("It is dead.", "a book")):
        words = {"description": "How full the tank is.", "note": note, "description_source": source}
        double = Items(item("NODE3000005", "32") | words)
        async with serving(items=double.answer) as url:
            ran = await run(url, "items", "pee")

        assert ran.output.splitlines()[3:] == [
            "",
            "How full the tank is.",
            *([note] if note else []),
            "Official name: name of NODE3000005",
            *([f"Source: {source}"] if source else []),
        ]


async def test_the_worker_chooses() -> None:
    double = Items()
    async with serving(items=double.answer) as url:
        ran = await run(url, "items", "Urine", "--stale", "--discipline", "ethos")

    assert double.asked == {"text": "Urine", "stale": "true", "discipline": "ETHOS"}
    assert ran == ("", "No item is like that; `iss-agents items` lists all.\n", None)


@pytest.mark.parametrize(
    ("severity", "code"), [("failure", "1;31"), ("caution", "33"), ("inactive", "2"), (None, "0")]
)
def test_what_has_failed_is_seen_in_a_terminal(severity: str | None, code: str) -> None:
    document = item("AIRLOCK000050", "3", state="FAILED", severity=severity)
    output = io.StringIO()

    terminal = PrintableConsole(file=output, force_terminal=True, width=80, color_system="standard")
    terminal.print(table([msgspec.convert(document, Item)]))

    styles = re.findall(r"\x1b\[([0-9;]+)m(?=FAILED)", output.getvalue())
    assert styles == ([] if code == "0" else [code])
