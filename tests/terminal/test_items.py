"""`iss-agents items`."""

from aiohttp.web import Request, StreamResponse, json_response

from tests.terminal.double import item, serving
from tests.terminal.running import run

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


async def test_the_worker_chooses() -> None:
    double = Items()
    async with serving(items=double.answer) as url:
        ran = await run(url, "items", "Urine", "--stale", "--discipline", "ethos")

    assert double.asked == {"text": "Urine", "stale": "true", "discipline": "ETHOS"}
    assert ran == ("", "No item is like that; `iss-agents items` lists all.\n", None)
