"""Scoring: how well the detected events agree with the truth."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from iss_agents.tools.evaluation.stream import Truth

SLACK = 30_000
"""Milliseconds by which a detection may miss a use's span: a step may come half a minute early or late."""


class Detection(NamedTuple):
    """One event, its times in milliseconds since 1970. `seen` is False for an unobserved rise."""

    start: int
    end: int
    detected_at: int
    percent: float
    seen: bool = True


@dataclass
class Score:
    """Sums over streams. Delays are seconds from the true end of a use to its detection."""

    uses: int = 0
    found: int = 0
    false: int = 0
    hidden: int = 0
    hidden_found: int = 0
    unobserved: int = 0
    errors: list[float] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)

    def add(self, truths: Sequence[Truth], detections: Iterable[Detection]) -> None:
        """Count one stream."""
        said = list(detections)
        seen = [detection for detection in said if detection.seen]
        self._add_uses(truths, seen)
        self._add_hidden(truths, [detection for detection in said if not detection.seen])

    @property
    def precision(self) -> float | None:
        return _share(self.found, self.found + self.false)

    @property
    def recall(self) -> float | None:
        return _share(self.found, self.uses)

    @property
    def error(self) -> float | None:
        """Mean of the absolute differences between detected and true percent."""
        return sum(self.errors) / len(self.errors) if self.errors else None

    def delay(self, share: float) -> float | None:
        """Return the delay in seconds that this share of the found uses does not exceed."""
        ranked = sorted(self.delays)
        return ranked[min(len(ranked) - 1, int(share * len(ranked)))] if ranked else None

    def _add_uses(self, truths: Sequence[Truth], seen: list[Detection]) -> None:
        for truth in truths:
            if truth.kind != "use":
                continue
            self.uses += 1
            match = next((detection for detection in seen if _touch(detection, truth)), None)
            if match:
                seen.remove(match)
                self.found += 1
                self.errors.append(abs(match.percent - truth.rise))
                self.delays.append((match.detected_at - truth.end) / 1000)
        partial = [truth for truth in truths if truth.kind == "partial"]
        self.false += sum(not _touches_any(detection, partial) for detection in seen)

    def _add_hidden(self, truths: Sequence[Truth], unobserved: list[Detection]) -> None:
        hidden = [truth for truth in truths if truth.kind == "hidden"]
        self.hidden += len(hidden)
        self.hidden_found += sum(any(_touch(detection, truth) for detection in unobserved) for truth in hidden)
        self.unobserved += len(unobserved)


def _touch(detection: Detection, truth: Truth) -> bool:
    return detection.start <= truth.end + SLACK and detection.end >= truth.start - SLACK


def _touches_any(detection: Detection, truths: Iterable[Truth]) -> bool:
    return any(_touch(detection, truth) for truth in truths)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
