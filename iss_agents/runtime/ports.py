"""Port check: whether a TCP port can be bound."""

import socket


def bind_error(host: str, port: int) -> OSError | None:
    """Return why `port` of `host` cannot be bound, None if it is free."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error
    return None
