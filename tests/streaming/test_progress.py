"""Where the agents stand, as the watchdog hears it."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka import TopicPartition
from faust.types import TP

from iss_agents.announcers.decision import MAX_AGE
from iss_agents.announcers.retry import ATTEMPT_SECONDS
from iss_agents.kafka.offsets import PartitionPosition
from iss_agents.runtime.health import Health
from iss_agents.streaming.app import StreamingApp
from iss_agents.streaming.outputs import PendingWait
from iss_agents.streaming.progress import Progress
from iss_agents.telemetry.station_clock import MAX_AHEAD
from iss_agents.watchdogs.stalls import ANNOUNCE_THRESHOLDS, THRESHOLDS

RAW, EVENTS, CHANGELOG = "telemetry.raw.v1", "urination.events.v1", "iss-agents-last_seen-changelog"
BEHIND = {
    TopicPartition(RAW, 3): PartitionPosition(beginning=0, end=9, committed=7),
    TopicPartition(RAW, 4): PartitionPosition(beginning=0, end=9, committed=9),
    TopicPartition(EVENTS, 0): PartitionPosition(beginning=0, end=3, committed=2),
}


class App(SimpleNamespace):
    """What is asked of the application: the agents own two partitions that are behind, and a changelog."""

    has_tables = StreamingApp.has_tables

    def __init__(self) -> None:
        assigned = {TP(RAW, 3), TP(EVENTS, 0), TP(CHANGELOG, 0)}
        super().__init__(
            conf=SimpleNamespace(id="progress-test"),
            consumer=SimpleNamespace(assignment=lambda: assigned),
            outputs=SimpleNamespace(failures=0, problems={}, longest_wait=lambda: None),
            health=Health(),
            tables=SimpleNamespace(
                recovery=SimpleNamespace(active_offsets={TP(CHANGELOG, 0): 40, TP(CHANGELOG, 1): None})
            ),
            rebalancing_count=1,
            rebalancing=False,
            in_recovery=False,
        )


@pytest.fixture
def app() -> App:
    return App()


@pytest.fixture
def progress(app: App, monkeypatch: pytest.MonkeyPatch) -> Progress:
    monkeypatch.setattr(Progress, "started", True)
    return Progress(cast("Any", app))


def test_the_agents_own_what_they_read_and_no_changelog(progress: Progress) -> None:
    assert set(progress.owned()) == {(RAW, 3), (EVENTS, 0)}


def test_only_partitions_that_are_behind_are_told_and_the_events_may_stay_longer(progress: Progress) -> None:
    assert progress.stalls(BEHIND) == {
        "telemetry.raw.v1 3 stays at 7 (0 attempts to write failed)": THRESHOLDS,
        "urination.events.v1 0 stays at 2 (0 attempts to write failed)": ANNOUNCE_THRESHOLDS,
    }


def test_a_failed_attempt_to_write_and_a_commit_change_the_words(app: App, progress: Progress) -> None:
    told = [set(progress.stalls(BEHIND))]
    app.outputs.failures = 1
    told.append(set(progress.stalls(BEHIND)))
    told.append(set(progress.stalls({tp: position._replace(committed=8) for tp, position in BEHIND.items()})))

    assert not told[0] & told[1]
    assert not told[1] & told[2]


def test_a_restoration_gets_on_while_changes_are_read(app: App, progress: Progress) -> None:
    app.in_recovery = True

    assert progress.stalls({}) == {"the agents wait for their Tables (40 changes read)": THRESHOLDS}


@pytest.mark.parametrize("state", [{"rebalancing_count": 0}, {"rebalancing": True}, {"in_recovery": True}])
def test_agents_without_their_tables_are_not_ready(app: App, progress: Progress, state: dict[str, Any]) -> None:
    vars(app).update(state)

    progress._report_health()

    assert not app.health.parts["agents"].ok


def test_agents_with_their_tables_are_ready(app: App, progress: Progress) -> None:
    progress._report_health()

    assert app.health.parts["agents"].detail == "2 partitions assigned"


def test_agents_whose_records_kafka_does_not_take_say_why(app: App, progress: Progress) -> None:
    app.outputs.problems = {"water.readings.v1": "water.readings.v1 does not accept records: is a clock wrong?"}

    progress._report_health()

    assert not app.health.parts["agents"].ok
    assert app.health.parts["agents"].detail == app.outputs.problems["water.readings.v1"]


def test_agents_that_have_not_started_stall_unless_a_topic_waits_for_a_person(
    app: App, progress: Progress, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Progress, "started", False)
    assert progress.stalls({}) == {"the agents do not start (40 changes read)": THRESHOLDS}
    app.health.down("kafka", "The topic telemetry.raw.v1 has 3 partitions and needs 12")

    assert progress.stalls({}) == {}


def test_no_wait_for_x_is_taken_for_a_stall() -> None:
    longest = MAX_AGE + MAX_AHEAD

    assert (
        longest.total_seconds() + ATTEMPT_SECONDS
        < ANNOUNCE_THRESHOLDS.report_after
        < ANNOUNCE_THRESHOLDS.exit_after
    )


def test_agents_whose_writes_kafka_does_not_acknowledge_are_not_ready(app: App, progress: Progress) -> None:
    app.outputs.longest_wait = lambda: PendingWait(CHANGELOG, 6.4)
    progress._report_health()

    said = app.health.parts["agents"]
    assert (said.ok, said.detail) == (False, f"Kafka has not acknowledged records of {CHANGELOG} for 6 s")
