"""Client address, also behind a proxy, which is trusted only if the operator named it."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import NamedTuple

from aiohttp.web import Request

from iss_agents.config.settings import Network
from web.base.view import context_of

Address = IPv4Address | IPv6Address

HOUSEHOLD_BITS = 64
"""Prefix of an IPv6 address that identifies a client: each has a whole network (RFC 6177)."""


class Client(NamedTuple):
    """A client: `name` is its address, `secure` whether it used https."""

    name: str
    secure: bool


def client_of(request: Request) -> Client:
    """Return the client of a request."""
    trusted = context_of(request).settings.trusted_proxies
    peer = _address(request.remote or "")
    if peer is None or not _is_of(peer, trusted):
        return Client(_name(peer), request.secure)
    scheme = _values(request, "X-Forwarded-Proto")[-1:] or [request.scheme]
    return Client(_name(_behind(peer, request, trusted)), scheme[0].lower() == "https")


def _behind(proxy: Address, request: Request, trusted: Sequence[Network]) -> Address:
    """Return the nearest address that is not a trusted proxy; anyone could have written those before it."""
    nearest = proxy
    for text in reversed(_values(request, "X-Forwarded-For")):
        address = _address(text)
        if address is None:
            return nearest
        nearest = address
        if not _is_of(address, trusted):
            return nearest
    return nearest


def _values(request: Request, header: str) -> list[str]:
    return [value.strip() for line in request.headers.getall(header, []) for value in line.split(",")]


def _address(text: str) -> Address | None:
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _is_of(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)


def _name(address: Address | None) -> str:
    if isinstance(address, IPv6Address):
        return str(ip_network((address, HOUSEHOLD_BITS), strict=False))
    return str(address)
