"""The pages for people, and the files that they are made of. All are in the package and read once.

The page of an item is a template, so that it says what the item is before any script runs.
The pages run nothing but their own scripts and ask nobody but this worker; a browser holds them to it.
"""

import gzip
import hashlib
from collections.abc import Iterator
from functools import cache
from http import HTTPStatus
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import ClassVar, NamedTuple

from aiohttp.web import Request
from faust.web import Blueprint, Response

from iss_agents.telemetry import catalog
from iss_agents.telemetry.catalog import Item
from web.base.parameters import EXPECTED_ITEM
from web.base.problems import Problem
from web.base.templates import TEMPLATES
from web.base.view import WorkerView
from web.edge.compression import takes_gzip

blueprint = Blueprint("pages")

MEDIA = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
"""Suffix -> media type; files with other suffixes are not served."""

POLICY = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'"

HEADERS = {
    "Cache-Control": "no-cache",
    "Vary": "Accept-Encoding",
    "Content-Security-Policy": POLICY,
}
"""A browser asks each time whether its copy is the newest, so an update of the worker is seen at once."""

WORTHWHILE = 0.9
"""A file is sent compressed if that makes it at least this much smaller."""


class Body(NamedTuple):
    """A file as it is sent. `etag` is that of these very bytes."""

    content: bytes
    etag: str
    headers: dict[str, str]


class Asset(NamedTuple):
    """A file of the package, as it is and compressed; the same twice if compressing does not pay."""

    plain: Body
    compressed: Body


@blueprint.route("/", name="index")
class IndexView(WorkerView):
    """What the station does now."""

    media: ClassVar[tuple[str, ...]] = ("text/html",)

    async def get(self, request: Request) -> Response:
        return _answer(self, request, assets()["index.html"])


@blueprint.route("/items/{item_id}", name="item")
class ItemPageView(WorkerView):
    """One item and its history."""

    media: ClassVar[tuple[str, ...]] = ("text/html",)

    async def get(self, request: Request, item_id: str) -> Response:
        item = catalog.find(item_id)
        if item is None:
            raise _missing("item_id", item_id, f"There is no item {item_id}", EXPECTED_ITEM)
        if item.item_id != item_id:
            return self.bytes(b"", status=HTTPStatus.FOUND, headers={"Location": item.item_id})
        return _answer(self, request, _item_page(item))


@blueprint.route("/static/{name}", name="static")
class StaticView(WorkerView):
    """A file of the pages."""

    media: ClassVar[tuple[str, ...]] = tuple(MEDIA.values())

    async def get(self, request: Request, name: str) -> Response:
        if name not in assets():
            raise _missing("name", name, f"There is no file {name}", "a file that the pages use")
        return _answer(self, request, assets()[name])


@cache
def assets() -> dict[str, Asset]:
    """Return name -> file, of all that are served; whichever folder a file is in, its name is its address."""
    found = _below(files("web").joinpath("static"))
    return {path.name: _asset(path.name, path.read_bytes()) for path in found if _suffix(path.name) in MEDIA}


def _below(folder: Traversable) -> Iterator[Traversable]:
    for path in folder.iterdir():
        if path.is_dir():
            yield from _below(path)
        else:
            yield path


def _asset(name: str, content: bytes) -> Asset:
    media = {"Content-Type": MEDIA[_suffix(name)]}
    plain = _body(content, media)
    smaller = gzip.compress(content, mtime=0)
    if len(smaller) > WORTHWHILE * len(content):
        return Asset(plain, plain)
    return Asset(plain, _body(smaller, {**media, "Content-Encoding": "gzip"}))


def _body(content: bytes, headers: dict[str, str]) -> Body:
    etag = hashlib.sha256(content).hexdigest()[:16]
    return Body(content, etag, {**HEADERS, **headers, "ETag": f'"{etag}"'})


def _item_page(item: Item) -> Asset:
    return _asset("item.html", TEMPLATES.get_template("item.html").render(item=item).encode())


def _answer(view: WorkerView, request: Request, asset: Asset) -> Response:
    body = asset.compressed if takes_gzip(request) else asset.plain
    if any(tag.value in {body.etag, "*"} for tag in request.if_none_match or ()):
        return view.bytes(b"", status=HTTPStatus.NOT_MODIFIED, headers=dict(body.headers))
    return view.bytes(body.content, headers=dict(body.headers))


def _suffix(name: str) -> str:
    return name[name.rfind(".") :]


def _missing(parameter: str, value: str, detail: str, expected: str) -> Problem:
    return Problem(HTTPStatus.NOT_FOUND, detail, parameter=parameter, value=value, expected=expected)
