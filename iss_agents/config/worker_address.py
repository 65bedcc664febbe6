"""Address and read token of the worker that the command line asks.

They are read alone: the other settings take longer to import than a worker takes to answer.
"""

import os
import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from dotenv import dotenv_values

from iss_agents.errors import UserError
from iss_agents.runtime.redaction import without_password

DEFAULT_URL = "http://127.0.0.1:8000"

EXPECTED = f"expected an address such as {DEFAULT_URL}"

HOST = re.compile(r"[a-z0-9._-]{1,253}|[0-9a-f:.]+(%\w+)?")
"""A DNS name or an IPv6 address, in lower case."""


@dataclass(frozen=True)
class WorkerAddress:
    """Where a worker answers, and the token that it expects of readers; empty if none."""

    url: str
    read_token: str = field(repr=False)


def load_worker_address() -> WorkerAddress:
    """Read `ISS_URL` and `ISS_READ_TOKEN` as `Settings` does.

    Raises:
        UserError: `ISS_URL` is not an address.
    """
    # The environment comes last, because it wins. Names may be in any case.
    variables = (*dotenv_values(".env").items(), *os.environ.items())
    given = {name.upper(): value or "" for name, value in variables}
    url = given.get("ISS_URL", DEFAULT_URL)
    try:
        return WorkerAddress(root_of_worker(url), given.get("ISS_READ_TOKEN", ""))
    except ValueError as error:
        raise UserError(f"ISS_URL is {without_password(url)!r}: {error}") from None


def root_of_worker(address: str) -> str:
    """Return the address without a final slash.

    Raises:
        ValueError: it does not name a server, or names more than one.
    """
    if not names_a_server(address) or urlsplit(address).query or urlsplit(address).fragment:
        raise ValueError(EXPECTED)
    return address.rstrip("/")


def names_a_server(address: str) -> bool:
    """Return whether a client can look up and connect to what an address names."""
    try:
        parts = urlsplit(address)
        # As it is looked up: a name with an empty label, or a label of 64 letters, has no such form.
        host = (parts.hostname or "").encode("idna").decode()
        return parts.scheme in {"http", "https"} and parts.port != 0 and bool(HOST.fullmatch(host))
    except ValueError:
        return False
