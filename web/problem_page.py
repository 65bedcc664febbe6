"""A problem as a page, for whoever follows a link that leads nowhere."""

from http import HTTPStatus

import msgspec
from aiohttp import hdrs
from aiohttp.web import Request, Response, StreamResponse, middleware

from web.markup import element, page
from web.page import HEADERS
from web.problems import CONTENT_TYPE, Handler


@middleware
async def readable_problems(request: Request, handler: Handler) -> StreamResponse:
    """Turn the problems of pages into pages for a browser; the API's stay as they are."""
    response = await handler(request)
    if not isinstance(response, Response) or response.content_type != CONTENT_TYPE or not _reads(request):
        return response
    problem = msgspec.json.decode(response.text or "")
    headers = {**HEADERS, **response.headers, hdrs.CONTENT_TYPE: "text/html; charset=utf-8"}
    headers.pop(hdrs.CONTENT_LENGTH, None)
    return Response(status=response.status, text=_page(problem["status"], problem["detail"]), headers=headers)


def _reads(request: Request) -> bool:
    return "text/html" in request.headers.get(hdrs.ACCEPT, "") and not request.path.startswith("/api/")


def _page(status: int, detail: str) -> str:
    title = HTTPStatus(status).phrase
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", f"{title}: ISS telemetry"),
        element("link", rel="icon", href="/static/icon.svg", type="image/svg+xml"),
        element("link", rel="stylesheet", href="/static/style.css"),
    )
    home = element("p", element("a", "To the station", href="/"))
    return page(
        element(
            "html",
            head,
            element("body", element("main", element("h1", title), element("p", detail), home)),
            lang="en",
        )
    )
