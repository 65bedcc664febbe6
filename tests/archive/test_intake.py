"""What the archive knows of what it has read."""

from dataclasses import dataclass

from prometheus_client import REGISTRY

from iss_agents.archive.intake import Intake
from iss_agents.messages import Headers
from iss_agents.settings import Settings
from iss_agents.topics import RAW


@dataclass
class Record:
    """A record on the raw topic."""

    partition: int
    offset: int
    topic: str = RAW.name
    timestamp: int = 0
    value: bytes | None = None
    headers: Headers = ()


def counted() -> float:
    return REGISTRY.get_sample_value("iss_archive_reread_total", {"topic": RAW.name}) or 0.0


def test_only_records_that_were_stored_before_are_read_again() -> None:
    intake, before = Intake(Settings()), counted()

    intake.met([Record(0, 7), Record(0, 8), Record(1, 3)])
    assert counted() == before

    intake.met([Record(0, 8), Record(0, 9), Record(1, 4), Record(2, 3)])
    assert counted() == before + 1

    intake.met([Record(0, 7), Record(0, 8), Record(0, 9), Record(0, 10)])
    assert counted() == before + 4
