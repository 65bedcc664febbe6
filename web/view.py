"""What all views share: the parts of their worker, and answers in JSON that nobody caches."""

from http import HTTPStatus
from typing import TypeVar

import msgspec
from aiohttp.web import AppKey, Request
from faust.web import Response, View

from iss_agents.parts import Parts
from web.problems import Problem

PARTS = AppKey("parts", Parts)
"""Where the web application keeps the parts of its worker."""

NO_STORE = {"Cache-Control": "no-store"}

Part = TypeVar("Part")


class PartsView(View):
    """A view of the parts of this worker."""

    def get_methods(self) -> set[str]:
        # Faust offers HEAD everywhere; without GET it could only fail.
        methods: set[str] = super().get_methods()
        return methods if "GET" in methods else methods - {"HEAD"}

    def answer(self, document: object, status: HTTPStatus = HTTPStatus.OK) -> Response:
        """Return `document` as JSON."""
        body = msgspec.json.encode(document, enc_hook=_plain)
        return self.bytes(body, content_type="application/json", status=status, headers=dict(NO_STORE))


def _plain(value: object) -> int:
    # MongoDB's 64-bit integers come as a subclass of int.
    if isinstance(value, int):
        return int(value)
    raise TypeError(f"{type(value)} is no JSON")


def parts_of(request: Request) -> Parts:
    """Return the parts of the worker that serves `request`."""
    return request.app[PARTS]


def present(part: Part | None, role: str) -> Part:
    """Return `part`.

    Raises:
        Problem: 503, this worker has no such part because it does not run `role`.
    """
    if part is None:
        raise Problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            f"This worker does not run the role {role}; ask a worker with {role} in ISS_ROLES",
        )
    return part
