"""Whether each part of a worker works, since when, and why not."""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime

from iss_agents.metrics import PART_OK

logger = logging.getLogger(__name__)

NOTHING_YET = "has not said anything yet"
"""What is said of a part that should be there and has not reported."""


@dataclass(frozen=True)
class PartHealth:
    """The state of one part. `since` is when it last changed between good and bad."""

    ok: bool
    detail: str
    since: datetime


class Health:
    """What the parts of this worker last said of themselves. Parts: feed, kafka, archive, database, agents."""

    def __init__(self) -> None:
        self.parts: dict[str, PartHealth] = {}

    @property
    def ok(self) -> bool:
        """Whether every part works."""
        return all(part.ok for part in self.parts.values())

    def good(self, part: str, detail: str) -> None:
        """Say that `part` works. A change from bad is logged once."""
        if self._report(part, ok=True, detail=detail):
            logger.info("%s is back: %s", part, detail, extra={"part": part})

    def bad(self, part: str, detail: str) -> None:
        """Say that `part` does not work, and why. A change from good is logged once."""
        if self._report(part, ok=False, detail=detail):
            logger.warning("%s: %s", part, detail, extra={"part": part})

    def _report(self, part: str, *, ok: bool, detail: str) -> bool:
        before = self.parts.get(part)
        changed = before is None or before.ok != ok
        since = datetime.now(UTC) if before is None or changed else before.since
        self.parts[part] = PartHealth(ok, detail, since)
        PART_OK.labels(part).set(ok)
        return changed and not (before is None and ok)
