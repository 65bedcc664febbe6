"""Who asks: a proxy is believed only if the operator named it, and only about who asked it."""

import pytest
from aiohttp.test_utils import make_mocked_request
from aiohttp.web import Application

from iss_agents.config.settings import Settings
from web.base.context import WorkerContext
from web.base.view import CONTEXT
from web.edge.client_address import Client, client_of

PROXIES = "10.0.0.0/8, 2001:db8::1"


def client(peer: str, proxies: str = PROXIES, **headers: str) -> Client:
    """Return who asks, if `peer` is at the other end of the connection."""
    application = Application()
    application[CONTEXT] = WorkerContext(Settings.model_validate({"trusted_proxies": proxies}))
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = make_mocked_request("GET", "/", headers=named, app=application)
    return client_of(request.clone(remote=peer))


@pytest.mark.parametrize(
    ("chain", "name"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1, 10.0.0.2", "192.0.2.1"),
        ("203.0.113.9, 192.0.2.1", "192.0.2.1"),
        ("10.0.0.3", "10.0.0.3"),
        ("", "10.0.0.1"),
        ("nonsense", "10.0.0.1"),
        ("192.0.2.1, nonsense", "10.0.0.1"),
        ("192.0.2.1:80", "10.0.0.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
    ],
)
def test_behind_a_proxy_it_is_the_nearest_that_is_no_proxy(chain: str, name: str) -> None:
    assert client("10.0.0.1", X_Forwarded_For=chain).name == name


@pytest.mark.parametrize("peer", ["192.0.2.7", "2001:db8::2", "::ffff:192.0.2.7"])
@pytest.mark.parametrize("proxies", ["", PROXIES])
def test_a_stranger_is_not_believed(peer: str, proxies: str) -> None:
    plain = client(peer, proxies)

    assert client(peer, proxies, X_Forwarded_For="192.0.2.1", X_Forwarded_Proto="https") == plain
    assert plain in {Client("192.0.2.7", secure=False), Client("2001:db8::/64", secure=False)}


@pytest.mark.parametrize(
    ("scheme", "secure"), [("https", True), ("HTTPS", True), ("http", False), ("https, http", False)]
)
@pytest.mark.parametrize("peer", ["10.1.2.3", "::ffff:10.1.2.3", "2001:db8::1"])
def test_a_proxy_says_by_which_scheme_it_was_asked(peer: str, scheme: str, secure: bool) -> None:  # noqa: FBT001
    assert client(peer, X_Forwarded_Proto=scheme).secure is secure


def test_several_headers_are_one_list() -> None:
    application = Application()
    application[CONTEXT] = WorkerContext(Settings.model_validate({"trusted_proxies": PROXIES}))
    request = make_mocked_request("GET", "/", app=application)
    headers = request.headers.copy()
    headers.extend([("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-For", "192.0.2.1")])

    assert client_of(request.clone(remote="10.0.0.1", headers=headers)).name == "192.0.2.1"
