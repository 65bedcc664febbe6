"""Health of a worker: whether each part is up, since when, and why not."""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime

from iss_agents.runtime.metrics import PART_OK
from iss_agents.runtime.redaction import redacted

logger = logging.getLogger(__name__)

NOTHING_YET = "no report yet"
"""The detail of a part that should exist and has not reported."""


@dataclass(frozen=True)
class PartHealth:
    """The state of one part. `since` is when it last changed between up and down."""

    ok: bool
    detail: str
    since: datetime


class Health:
    """The last reports of the parts of this worker: feed, kafka, archive, database, agents and others."""

    def __init__(self) -> None:
        self.parts: dict[str, PartHealth] = {}
        self.worked: set[str] = set()
        """The parts that have worked since the start."""
        self.is_stopping = False
        """Whether the worker stops."""

    @property
    def ok(self) -> bool:
        """Whether every part is up."""
        return all(part.ok for part in self.parts.values())

    def up(self, part: str, detail: str) -> None:
        """Report that `part` is up. A change from down is logged once."""
        self.worked.add(part)
        if self._report(part, ok=True, detail=detail):
            logger.info("%s is back: %s", part, detail, extra={"part": part})

    def down(self, part: str, detail: str) -> None:
        """Report that `part` is down, and why. A change from up is logged once."""
        if self._report(part, ok=False, detail=detail):
            logger.warning("%s: %s", part, detail, extra={"part": part})

    def _report(self, part: str, *, ok: bool, detail: str) -> bool:
        before = self.parts.get(part)
        changed = before is None or before.ok != ok
        since = datetime.now(UTC) if before is None or changed else before.since
        self.parts[part] = PartHealth(ok, redacted(detail), since)
        PART_OK.labels(part).set(ok)
        return changed and not (before is None and ok)
