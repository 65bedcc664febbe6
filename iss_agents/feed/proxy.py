"""HTTP proxy of the environment, for the Lightstreamer client; aiohttp finds the proxy itself."""

from typing import NamedTuple
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass


class ProxyAddress(NamedTuple):
    """Address and credentials of a proxy."""

    host: str
    port: int
    user: str | None
    password: str | None


def proxy_for(url: str) -> ProxyAddress | None:
    """Return the proxy that HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY name for `url`, or None."""
    parts, proxies = urlsplit(url), getproxies()
    address = proxies.get(parts.scheme) or proxies.get("all")
    if not address or proxy_bypass(parts.netloc):
        return None
    proxy = urlsplit(address if "://" in address else f"http://{address}")
    user, password = (unquote(text) if text else None for text in (proxy.username, proxy.password))
    return ProxyAddress(proxy.hostname or "", proxy.port or 80, user, password)
