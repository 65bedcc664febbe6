"""Problem page, for people who follow a broken link."""

from http import HTTPStatus

import msgspec
from aiohttp import hdrs
from aiohttp.web import Request, Response, StreamResponse, middleware

from web.base.problems import CONTENT_TYPE, Handler
from web.base.templates import TEMPLATES
from web.pages.pages import HEADERS

ITEM_PAGES = "/items/"


@middleware
async def readable_problems(request: Request, handler: Handler) -> StreamResponse:
    """Turn the problems of pages into pages for a browser; the API's stay as they are."""
    response = await handler(request)
    if not isinstance(response, Response) or response.content_type != CONTENT_TYPE or not _reads(request):
        return response
    problem = msgspec.json.decode(response.text or "")
    headers = {**HEADERS, **response.headers, hdrs.CONTENT_TYPE: "text/html; charset=utf-8"}
    headers.pop(hdrs.CONTENT_LENGTH, None)
    return Response(
        status=response.status,
        text=_page(problem["status"], problem["detail"], request.path),
        headers=headers,
    )


def _reads(request: Request) -> bool:
    return "text/html" in request.headers.get(hdrs.ACCEPT, "") and not request.path.startswith("/api/")


def _root(path: str) -> str:
    """Return the relative address of the first page, which a proxy may serve below a path of its own."""
    return "../" * (path.count("/") - 1) or "./"


def _page(status: int, detail: str, path: str) -> str:
    title, wanted = HTTPStatus(status).phrase, ""
    if status == HTTPStatus.NOT_FOUND:
        # What follows is for programs.
        title, detail = "This page does not exist", detail.partition(";")[0]
        wanted = path.removeprefix(ITEM_PAGES) if path.startswith(ITEM_PAGES) else ""
    page = TEMPLATES.get_template("problem.html")
    return page.render(title=title, detail=f"{detail}.", root=_root(path), wanted=wanted)
