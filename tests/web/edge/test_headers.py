"""What every reply says to browsers, and what none says to anybody."""

from typing import Any

import pytest

from tests.web.conftest import Client
from web.edge.headers import HEADERS

ADDRESSES = [
    "/",
    "/static/style.css",
    "/healthz",
    "/metrics",
    "/nothing",
    "/api",
    "/api/v1/items",
    "/api/v1/stream",
    "/api/v1/telemetry",
    "/api/v1/openapi.json",
    "/api/v1/items?unheard_of=1",
]


@pytest.fixture
def changes() -> dict[str, Any]:
    return {"public": True, "trusted_proxies": "127.0.0.1"}


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE"])
async def test_every_reply_has_them_and_names_no_version(client: Client, method: str, address: str) -> None:
    async with client.request(method, address) as answer:
        found = {name: answer.headers.get(name) for name in HEADERS}
        policy = str(found.pop("Content-Security-Policy"))

        assert found == {name: HEADERS[name] for name in found}
        assert policy.startswith(("default-src 'none'", "default-src 'self'"))
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["Server"] == "iss-agents"
        assert "Strict-Transport-Security" not in answer.headers


async def test_who_comes_by_https_is_told_to_stay_there(client: Client) -> None:
    for address in ("/", "/nothing", "/api/v1/stream"):
        async with client.get(address, headers={"X-Forwarded-Proto": "https"}) as answer:
            assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
