"""Replacement of one function of a library, which fits only the source that it was written for."""

import inspect
from collections.abc import Callable
from hashlib import sha256
from typing import Any


class Correction:
    """The function `Class.function` of a module, and what replaces it.

    `shipped` is the library's own function; None if there is none.
    """

    def __init__(self, module: object, path: str, fingerprint: str, replacement: Callable[..., Any]) -> None:
        owner, self.name = path.split(".")
        self._owner = getattr(module, owner, None)
        self.shipped: Any = getattr(self._owner, self.name, None)
        self._fingerprint = fingerprint
        self._replacement = replacement

    def fits(self) -> bool:
        """Return whether the library's function is the one that is replaced."""
        return self.shipped is not None and fingerprint_of(self.shipped) == self._fingerprint

    def apply(self) -> None:
        """Replace the library's function."""
        self._set(self._replacement)

    def revert(self) -> None:
        """Put the library's function back."""
        self._set(self.shipped)

    def _set(self, function: Callable[..., Any]) -> None:
        static = isinstance(vars(self._owner)[self.name], staticmethod)
        setattr(self._owner, self.name, staticmethod(function) if static else function)


def fingerprint_of(function: Callable[..., Any]) -> str:
    """Return a short hash of a function's source, empty if its source is not installed."""
    try:
        return sha256(inspect.getsource(function).encode()).hexdigest()[:16]
    except OSError:
        return ""
