"""The page about the API."""

from html.parser import HTMLParser

import pytest

from tests.web.conftest import Client
from web.openapi.document import describe
from web.openapi.page import reference
from web.routes import BLUEPRINTS

DOCUMENT = describe(BLUEPRINTS)


class Anchors(HTMLParser):
    """What a page links to, and the places within it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.tags.add(tag)
        self.attributes.update(values)
        self.ids += [values["id"]] if "id" in values else []
        self.links += [values[name] for name in ("href", "src") if name in values]


async def text_of(client: Client) -> str:
    answer = await client.get("/api")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    return await answer.text()


async def test_every_operation_and_document_has_its_place(client: Client) -> None:
    anchors = Anchors(await text_of(client))
    operations = [operation for methods in DOCUMENT["paths"].values() for operation in methods.values()]
    places = {operation["operationId"] for operation in operations}
    places |= {f"schema-{name}" for name in DOCUMENT["components"]["schemas"]}

    assert places <= set(anchors.ids)
    assert len(anchors.ids) == len(set(anchors.ids))


async def test_links_lead_somewhere(client: Client) -> None:
    anchors = Anchors(await text_of(client))
    within = {link.removeprefix("#") for link in anchors.links if link.startswith("#")}
    beside = {link for link in anchors.links if not link.startswith("#")}

    assert within <= set(anchors.ids)
    assert {"./static/style.css", "./static/reference.css", "./api/v1/openapi.json", "./api/v1/items"} <= beside
    assert {(await client.get(link.removeprefix("."))).status for link in beside} <= {200, 503}
    assert all(link.startswith("./") for link in beside)


async def test_nothing_in_the_page_runs(client: Client) -> None:
    answer = await client.get("/api")
    anchors = Anchors(await answer.text())

    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert anchors.tags.isdisjoint({"script", "style", "iframe"})
    assert not [name for name in anchors.attributes if name == "style" or name.startswith("on")]


async def test_examples_ask_the_server_that_was_asked(client: Client) -> None:
    answer = await client.get("/api", headers={"Host": "127.0.0.2:1234"})

    assert "curl -s http://127.0.0.2:1234/api/v1/items/NODE3000005" in await answer.text()


@pytest.mark.parametrize("host", ["a'; rm -rf '", "<script>alert(1)</script>", "[", "é"])
async def test_a_strange_host_does_no_harm(client: Client, host: str) -> None:
    answer = await client.get("/api", headers={"Host": host, "Accept": "text/html"})

    assert (answer.status, answer.content_type) == (400, "text/html")
    assert "<script" not in await answer.text()


def test_the_page_says_what_the_document_says() -> None:
    document = {
        "info": {"title": "T", "description": "About `this`."},
        "tags": [{"name": "things", "description": "Of <things>."}],
        "paths": {
            "/api/v1/things/{name}": {
                "get": {
                    "operationId": "one",
                    "tags": ["things"],
                    "summary": "One.",
                    "parameters": [
                        {
                            "name": "name",
                            "in": "path",
                            "required": True,
                            "description": "Its name.",
                            "schema": {"type": "string", "examples": ["a b"]},
                        },
                        {
                            "name": "limit",
                            "in": "query",
                            "required": False,
                            "description": "How many.",
                            "schema": {"type": "integer", "minimum": 1, "maximum": 9, "default": 3},
                        },
                    ],
                    "responses": {
                        "200": {
                            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}
                        },
                        "404": {"$ref": "#/components/responses/NotFound"},
                    },
                }
            }
        },
        "components": {
            "schemas": {
                "Thing": {
                    "description": "A thing.",
                    "required": ["size"],
                    "properties": {
                        "size": {"anyOf": [{"type": "number"}, {"type": "null"}], "description": "In m."},
                        "parts": {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}},
                    },
                }
            }
        },
    }
    text = reference(document, "http://here")

    for part in (
        "<p>About <code>this</code>.</p>",
        "<p>Of &lt;things&gt;.</p>",
        '<th scope="row"><code>name</code></th><td>a text such as a b</td><td>required</td>',
        "<td>a whole number from 1 to 9</td><td><code>3</code></td>",
        "<code>curl -s http://here/api/v1/things/a%20b</code>",
        '<a href="./api/v1/things/a%20b">Try /api/v1/things/a%20b</a>',
        '200 application/json: <a href="#schema-Thing">Thing</a>',
        "<td><span>number or null</span></td><td>always</td><td><span>In m.</span></td>",
        'list of <a href="#schema-Thing">Thing</a></span></td><td>not always</td>',
    ):
        assert part in text
