"""Limit of one client: how many things of a kind it may have open at once."""

from collections.abc import Iterable

from web.base.problems import too_many


def require_few(clients: Iterable[str], client: str, most: int, detail: str, retry_after: int) -> None:
    """Return if `client` is among `clients` fewer than `most` times.

    Raises:
        Problem: 429 with `detail`.
    """
    if sum(each == client for each in clients) >= most:
        raise too_many(detail, retry_after=retry_after)
