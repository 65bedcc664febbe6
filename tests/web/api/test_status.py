from datetime import UTC, datetime, timedelta

import pytest

from iss_agents.state_view.service import StateView
from iss_agents.telemetry.records import Gap, encode
from iss_agents.telemetry.station_clock import milliseconds, rfc3339
from iss_agents.telemetry.topics import GAPS
from tests.factories import ChangelogRecord, last_seen, reading_of
from tests.web.conftest import Client
from web.base.context import WorkerContext


@pytest.fixture
def kafka_answers(state: StateView, monkeypatch: pytest.MonkeyPatch) -> None:
    async def answers() -> bool:
        return True

    monkeypatch.setattr(state, "reaches_kafka", answers)


@pytest.mark.usefixtures("kafka_answers")
async def test_a_new_worker_says_that_it_knows_nothing_yet(client: Client, context: WorkerContext) -> None:
    context.health.up("feed", "standby")
    document = await (await client.get("/api/v1/status")).json()

    assert abs(datetime.fromisoformat(document.pop("now")) - datetime.now(UTC)) < timedelta(seconds=5)
    assert document.pop("tank")["state"] == "unknown"
    assert document.pop("parts")["feed"] == {
        "ok": True,
        "detail": "standby",
        "since": rfc3339(context.health.parts["feed"].since),
    }
    assert document == {
        "source": "simulated",
        "complete": False,
        "signal": {"state": "UNKNOWN", "source_ts": None, "age_seconds": None},
        "silent": {
            "who": "unknown",
            "since": None,
            "sentence": "This worker has just started and still reads what is known.",
        },
        "newest": None,
        "items": {"measured": 0, "known": 337},
    }


@pytest.mark.usefixtures("kafka_answers")
async def test_a_living_worker_says_what_came_last(client: Client, state: StateView) -> None:
    clock = reading_of("TIME_000001", "1")
    state.replica.apply([last_seen(clock)])
    state.ready = True
    document = await (await client.get("/api/v1/status")).json()

    assert (document["source"], document["complete"]) == ("simulated", True)
    assert document["signal"]["state"] == "AOS"
    assert document["silent"] == {"who": "nobody", "since": None, "sentence": "Readings come in."}
    assert document["items"] == {"measured": 1, "known": 337}
    assert 0 <= document["newest"].pop("age_seconds") < 5
    assert document["newest"] == {
        "item_id": "TIME_000001",
        "name": "Greenwich Mean Time (GMT)",
        "source_ts": rfc3339(clock.source_ts),
        "ingest_ts": rfc3339(clock.ingest_ts),
    }


@pytest.mark.usefixtures("kafka_answers")
async def test_an_open_gap_says_since_when_the_feed_is_silent(client: Client, state: StateView) -> None:
    start = datetime.now(UTC) - timedelta(minutes=4)
    gap = Gap(schema_version=1, gap_id="a", cause="silence", start=start, source="simulated")
    record = ChangelogRecord(GAPS.name, b"a", encode(gap), milliseconds(start) + 60_000)
    state.replica.apply([last_seen(reading_of("TIME_000001", "1", start, ingest_ts=start)), record])
    state.ready = True
    silent = (await (await client.get("/api/v1/status")).json())["silent"]

    assert (silent["who"], silent["since"]) == ("feed", rfc3339(start))


async def test_a_worker_without_the_state_says_whom_to_ask(client: Client, context: WorkerContext) -> None:
    context.state = None
    for path in ("status", "tank", "tank.txt", "trends"):
        answer = await client.get(f"/api/v1/{path}")

        assert answer.status == 503
        assert (await answer.json())["detail"] == (
            "This worker does not run the role web; ask a worker with web in ISS_ROLES"
        )
