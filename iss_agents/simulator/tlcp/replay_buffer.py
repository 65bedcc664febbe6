"""Replay buffer of a session: the data notifications to send, and to resend after a recovery."""

CAPACITY = 100_000
"""Lines kept for a recovery: 20 minutes of the public feed, and more than a client has in its own queue."""


class ReplayBuffer:
    """Numbered lines. A line's number is its progressive: the count of lines before it in the session."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._lines: list[str] = []
        self._first = 0
        self._sent = 0

    @property
    def unsent(self) -> int:
        """How many lines wait to be sent."""
        return self._first + len(self._lines) - self._sent

    @property
    def overrun(self) -> bool:
        """Whether lines were dropped before they were sent, so that the session has a hole."""
        return self._sent < self._first

    def append(self, line: str) -> None:
        self._lines.append(line)
        # Trimmed in large steps: deleting from the front of a list costs as much as the list is long.
        if len(self._lines) >= 2 * self._capacity:
            del self._lines[: self._capacity]
            self._first += self._capacity

    def next_lines(self, limit: int) -> list[str]:
        """Return the next lines to send, at most `limit`, and count them as sent."""
        start = self._sent - self._first
        lines = self._lines[start : start + limit]
        self._sent += len(lines)
        return lines

    def rewind(self, progressive: int) -> bool:
        """Resend from `progressive` on; return False if that line was dropped or never sent."""
        if not self._first <= progressive <= self._sent:
            return False
        self._sent = progressive
        return True
