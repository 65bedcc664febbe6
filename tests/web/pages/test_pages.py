"""The pages and their files, as a browser gets them."""

import gzip
import re
from importlib.resources import files

import pytest
from markupsafe import escape

from iss_agents.telemetry.catalog import items
from tests.web.conftest import Client, problem
from web.base.context import WorkerContext
from web.base.parameters import EXPECTED_ITEM
from web.base.templates import TEMPLATES
from web.pages.pages import assets

POLICY = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'"
MOST_BYTES = 200_000
LINK = re.compile(r'(?:href|src)="([^"#]*)"')
IMPORT = re.compile(r'^import .*?from "\./([^"]+)";', re.MULTILINE | re.DOTALL)
MARKUP = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(")

PAGES = {"/": "ISS telemetry", "/items/NODE3000005": "Urine tank level · ISS telemetry"}
"""Address -> what its title holds."""


def text(name: str) -> str:
    if name == "item.html":
        return TEMPLATES.get_template(name).render(item=items()["NODE3000005"])
    return assets()[name].plain.content.decode()


def needed(page: str) -> set[str]:
    """Return the names of all files that a page loads."""
    links = (link.removeprefix("../") for link in LINK.findall(text(page)))
    open_ends = {link.removeprefix("static/") for link in links if link.startswith("static/")}
    names: set[str] = {page}
    while open_ends:
        name = open_ends.pop()
        names.add(name)
        open_ends |= set(IMPORT.findall(text(name))) - names
    return names


@pytest.mark.parametrize(("address", "title"), PAGES.items())
async def test_a_page_is_html_that_runs_nothing_but_our_files(client: Client, address: str, title: str) -> None:
    answer = await client.get(address)
    page = await answer.text()

    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Content-Security-Policy"] == POLICY
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert re.search(f"<title>[^<]*{title}</title>", page)
    assert not re.search(
        r"<style| style=| on\w+=|<script(?! type=\"module\" src=\"(\.\./)?static/)|https?://", page
    )


async def test_the_pages_do_without_state_and_history(client: Client, context: WorkerContext) -> None:
    context.state = context.history = None

    assert [(await client.get(address)).status for address in PAGES] == [200, 200]


async def test_links_lead_to_what_is_served(client: Client) -> None:
    links = {link for link in LINK.findall(text("index.html")) if not link.startswith("api/v1/")}
    statuses = {link: (await client.get(f"/{link}")).status for link in links}

    assert statuses.pop("healthz") == 503
    assert statuses == dict.fromkeys(statuses, 200)
    assert {"api", "metrics"} <= statuses.keys()


@pytest.mark.parametrize("page", ["index.html", "item.html"])
def test_no_link_depends_on_the_path_that_a_proxy_serves_the_worker_below(page: str) -> None:
    assert not [link for link in LINK.findall(text(page)) if link.startswith("/")]
    scripts = [name for name in needed(page) if name.endswith(".js") and "uplot" not in name.lower()]
    assert scripts
    assert not [name for name in scripts if re.search(r"[\"'`]/(api|static|items)\\b", text(name))]


@pytest.mark.parametrize(
    ("name", "media"),
    [
        ("style.css", "text/css; charset=utf-8"),
        ("main.js", "text/javascript; charset=utf-8"),
        ("icon.svg", "image/svg+xml"),
    ],
)
async def test_a_file_has_its_media_type(client: Client, name: str, media: str) -> None:
    answer = await client.get(f"/static/{name}")

    assert (answer.status, answer.headers["Content-Type"]) == (200, media)
    assert await answer.read() == files("web").joinpath("static", name).read_bytes()


async def test_a_browser_that_has_the_file_gets_nothing(client: Client) -> None:
    first = await client.get("/static/style.css")
    etag = first.headers["ETag"]
    again = await client.get("/static/style.css", headers={"If-None-Match": f'"other", {etag}'})
    changed = await client.get("/static/style.css", headers={"If-None-Match": '"other"'})

    assert re.fullmatch('"[0-9a-f]{16}"', etag)
    assert first.headers["Cache-Control"] == "no-cache"
    assert (again.status, await again.read(), again.headers["ETag"]) == (304, b"", etag)
    assert changed.status == 200


async def test_a_file_is_compressed_for_those_who_take_it(client: Client) -> None:
    plain = await client.get("/static/style.css", headers={"Accept-Encoding": "identity"})
    async with client.session.get(
        client.make_url("/static/style.css"), headers={"Accept-Encoding": "br, gzip"}, auto_decompress=False
    ) as small:
        content = await small.read()

    assert "Content-Encoding" not in plain.headers
    assert small.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(content) == await plain.read()
    assert (small.headers["Vary"], plain.headers["Vary"]) == ("Accept-Encoding", "Accept-Encoding")
    assert small.headers["ETag"] != plain.headers["ETag"]


async def test_head_tells_the_size(client: Client) -> None:
    headers = {"Accept-Encoding": "identity"}
    head = await client.head("/static/style.css", headers=headers)

    assert (head.status, await head.read()) == (200, b"")
    assert int(head.headers["Content-Length"]) == len(text("style.css").encode())


async def test_the_page_of_an_item_says_what_it_is_before_any_script_runs(client: Client) -> None:
    page = await (await client.get("/items/NODE3000005")).text()

    assert '<h1 id="name">Urine Tank Qty</h1>' in page
    assert "it rises when the toilet is used." in page
    assert "crew&#39;s urine" in page
    assert "Source: NASA, Operating an Outpost" in page


async def test_the_page_of_a_channel_that_is_not_published_says_so(client: Client) -> None:
    page = await (await client.get("/items/P4000002")).text()

    assert "This channel has always been 0" in page


async def test_a_page_names_no_source_that_is_not_known(client: Client) -> None:
    page = await (await client.get("/items/AIRLOCK000052")).text()

    assert "Position of the valve that supplies nitrogen" in page
    assert "Source: " not in page


def test_every_item_has_a_page() -> None:
    template = TEMPLATES.get_template("item.html")
    pages = {item.description: template.render(item=item) for item in items().values()}

    assert [sentence for sentence, page in pages.items() if escape(sentence) not in page] == []


async def test_an_unknown_item_has_no_page(client: Client) -> None:
    answer = await client.get("/items/NODE9999999")
    members = {"parameter": "item_id", "value": "NODE9999999", "expected": EXPECTED_ITEM}

    assert answer.status == 404
    assert await answer.json() == problem(404, "Not Found", "There is no item NODE9999999", **members)


@pytest.mark.parametrize(
    "name", ["nothing.js", "..%2Fpage.py", "..%2f..%2fpyproject.toml", "%2Fetc%2Fpasswd", "%00", "style.css%00"]
)
async def test_nothing_else_is_served(client: Client, name: str) -> None:
    answer = await client.get(f"/static/{name}")

    assert answer.status in {400, 404}
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("page", ["index.html", "item.html"])
def test_a_page_weighs_less_than_200_kilobytes(page: str) -> None:
    assert sum(len(text(name).encode()) for name in needed(page)) < MOST_BYTES


def test_every_module_is_fetched_at_once() -> None:
    preloaded = set(re.findall(r'rel="modulepreload" href="static/([^"]+)"', text("index.html")))

    assert preloaded | {"main.js"} == {name for name in needed("index.html") if name.endswith(".js")}


def test_nothing_reads_values_as_markup() -> None:
    ours = [name for name in assets() if name.endswith(".js") and "uplot" not in name.lower()]

    assert ours
    assert not [
        name for name in ours if re.search(r"innerHTML|outerHTML|insertAdjacentHTML|eval\(", text(name))
    ]


BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.mark.parametrize(
    ("address", "detail"),
    [
        ("/items/NOPE", "There is no item NOPE"),
        ("/bogus", "There is nothing at /bogus"),
        ("/items/%3Cscript%3E", "There is no item &lt;script&gt;"),
    ],
)
async def test_a_browser_gets_a_page_for_an_address_that_leads_nowhere(
    client: Client, address: str, detail: str
) -> None:
    answer = await client.get(address, headers=BROWSER)
    page = await answer.text()

    assert answer.status == 404
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers["Content-Security-Policy"] == POLICY
    assert answer.headers["Cache-Control"] == "no-store"
    assert f"<h1>This page does not exist</h1><p>{detail}.</p>" in page
    assert '<header class="masthead">' in page
    name = address.removeprefix("/items/")
    assert (f'?text={name}"' in page) == (name != address)
    assert f'<a href="{"../" if address.count("/") > 1 else "./"}">' in page


async def test_the_api_answers_a_browser_with_its_problem(client: Client) -> None:
    answer = await client.get("/api/v1/items/NOPE", headers=BROWSER)

    assert answer.headers["Content-Type"].startswith("application/problem+json")
