"""Where the agents stand, as the watchdog hears it."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka import TopicPartition
from faust.types import TP
from prometheus_client import REGISTRY

from iss_agents.agents.progress import Progress
from iss_agents.announcers.attempts import ATTEMPT_SECONDS
from iss_agents.announcers.decision import MAX_AGE
from iss_agents.health import Health
from iss_agents.station_clock import MAX_AHEAD
from iss_agents.watchdog import ANNOUNCE_PATIENCE, PATIENCE

RAW, EVENTS, CHANGELOG = "telemetry.raw.v1", "urination.events.v1", "iss-agents-last_seen-changelog"
BEHIND = {TopicPartition(RAW, 3): 7, TopicPartition(EVENTS, 0): 2, TopicPartition(RAW, 4): 1}


class App(SimpleNamespace):
    """What is asked of the application: the agents own two partitions that are behind, and a changelog."""

    def __init__(self) -> None:
        assigned = {TP(RAW, 3), TP(EVENTS, 0), TP(CHANGELOG, 0)}
        super().__init__(
            conf=SimpleNamespace(id="progress-test"),
            consumer=SimpleNamespace(assignment=lambda: assigned),
            outputs=SimpleNamespace(failures=0),
            parts=SimpleNamespace(health=Health()),
            tables=SimpleNamespace(recovery=SimpleNamespace(active_offsets={TP(CHANGELOG, 0): 40})),
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


def test_only_assigned_partitions_that_are_behind_are_told_and_the_events_may_stay_longer(
    progress: Progress,
) -> None:
    assert progress.stalls(BEHIND) == {
        "telemetry.raw.v1 3 stays at 7 (0 attempts to write failed)": PATIENCE,
        "urination.events.v1 0 stays at 2 (0 attempts to write failed)": ANNOUNCE_PATIENCE,
    }


def test_a_failed_attempt_to_write_and_a_commit_change_the_words(app: App, progress: Progress) -> None:
    told = [set(progress.stalls(BEHIND))]
    app.outputs.failures = 1
    told.append(set(progress.stalls(BEHIND)))
    told.append(set(progress.stalls({tp: offset + 1 for tp, offset in BEHIND.items()})))

    assert not told[0] & told[1]
    assert not told[1] & told[2]


def test_a_restoration_gets_on_while_changes_are_read(app: App, progress: Progress) -> None:
    app.in_recovery = True

    assert progress.stalls({}) == {"the agents wait for their Tables (40 changes read)": PATIENCE}


@pytest.mark.parametrize("state", [{"rebalancing_count": 0}, {"rebalancing": True}, {"in_recovery": True}])
def test_agents_without_their_tables_are_not_ready(app: App, progress: Progress, state: dict[str, Any]) -> None:
    vars(app).update(state)

    progress._report_health()

    assert not app.parts.health.parts["agents"].ok


def test_the_lag_is_told_as_soon_as_it_is_known(app: App, progress: Progress) -> None:
    app.in_recovery, app.lists = True, SimpleNamespace(lag=lambda _tp: 9, committed=lambda _tp: 5)
    progress._report_lag()
    assert lag_of_partition_three() is None

    app.in_recovery = False
    progress._report_lag()
    assert lag_of_partition_three() == 9


def lag_of_partition_three() -> float | None:
    labels = {"group": "progress-test", "topic": RAW, "partition": "3"}
    return REGISTRY.get_sample_value("iss_consumer_lag", labels)


def test_agents_with_their_tables_are_ready(app: App, progress: Progress) -> None:
    progress._report_health()

    assert app.parts.health.parts["agents"].detail == "2 partitions assigned"


def test_agents_that_have_not_started_stall_unless_a_topic_waits_for_a_person(
    app: App, progress: Progress, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Progress, "started", False)
    assert progress.stalls({}) == {"the agents do not start (40 changes read)": PATIENCE}
    app.parts.health.bad("kafka", "The topic telemetry.raw.v1 has 3 partitions and needs 12")

    assert progress.stalls({}) == {}


def test_no_wait_for_x_is_taken_for_a_stall() -> None:
    longest = MAX_AGE + MAX_AHEAD

    assert longest.total_seconds() + ATTEMPT_SECONDS < ANNOUNCE_PATIENCE.says < ANNOUNCE_PATIENCE.ends
