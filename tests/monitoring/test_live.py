"""Every rule and every panel, asked of a real Prometheus beside a real worker, and faults that it notices."""

from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path

import pytest

from iss_agents.embedded.database import Database
from iss_agents.embedded.place import free_port
from iss_agents.simulator.model import station_model
from iss_agents.simulator.station import Station
from tests.monitoring.dashboards import INFINITY, PROMETHEUS, targets
from tests.monitoring.names import asked_for
from tests.monitoring.prometheus import Prometheus
from tests.pipeline.conftest import Broker
from tests.pipeline.worker import START_SECONDS, Worker, running
from tests.waiting import until

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

RARE = {
    "iss_announcements_total",
    "iss_detection_to_post_seconds_bucket",
    "iss_events_detected_total",
    "iss_gaps_total",
    "iss_invalid_total",
    "iss_post_attempts_total",
    "iss_suspect_readings_total",
}
"""Metrics without a value as long as nobody uses the toilet and nothing is wrong."""

VARIABLES = {"$__rate_interval": "30s"}
SPAN = {"${item}": "USLAB000058", "${__from:date:iso}": "-5m", "${__to:date:iso}": "-0s"}


@pytest.fixture
def kafka(tmp_path: Path) -> Iterator[Broker]:
    broker = Broker(tmp_path / "kafka")
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    own = Database(tmp_path / "database", free_port())
    own.start().wait_until(own.ready)
    yield own
    assert own.program
    own.program.stop()


@pytest.fixture
async def busy_station() -> AsyncIterator[Station]:
    """A station as `iss-agents simulate` runs it."""
    playing = await Station(station_model(rate=50)).start()
    yield playing
    await playing.stop()


@pytest.fixture
async def worker(
    kafka: Broker, database: Database, busy_station: Station, tmp_path: Path
) -> AsyncIterator[Worker]:
    addresses = {"ISS_KAFKA_URL": kafka.url, "ISS_MONGO_URL": database.url, "ISS_FEED_URL": busy_station.url}
    async with running(tmp_path / "home", **addresses) as worker:
        await until(worker.healthy, START_SECONDS)
        yield worker


@pytest.fixture
async def prometheus(worker: Worker, tmp_path: Path) -> AsyncIterator[Prometheus]:
    own = Prometheus(tmp_path / "prometheus", f"127.0.0.1:{worker.port}")
    own.program.start()
    try:
        await until(own.ready, 30)
        yield own
    finally:
        own.program.stop()


async def test_every_panel_has_data_every_rule_works_and_a_fault_makes_its_alert_pending(
    prometheus: Prometheus, worker: Worker, database: Database, busy_station: Station
) -> None:
    rules = await prometheus.rules()
    assert {name: rule["lastError"] for name, rule in rules.items() if rule["health"] != "ok"} == {}
    for expression in expressions():
        await prometheus.query(expression)
        if not asked_for(expression) & RARE:
            await until(partial(prometheus.query, expression), 60)
    await until(lambda: quiet(prometheus), 60)
    for target in targets(INFINITY):
        summary = await worker.get(filled(target["url"], SPAN))
        assert summary["buckets"][-1].keys() >= {column["selector"] for column in target["columns"]}

    busy_station.faults.los()
    await until(lambda: fires(prometheus, "SignalLostForLong"), 30)
    assert database.program
    database.program.stop()
    await until(lambda: fires(prometheus, "DatabaseErrors"), 30)

    busy_station.faults.recover()
    await until(lambda: not_active(prometheus, "SignalLostForLong"), 60)


def expressions() -> list[str]:
    """Return every expression of the dashboards, as Grafana would send it."""
    return [filled(target["expr"], VARIABLES) for target in targets(PROMETHEUS)]


def filled(text: str, variables: dict[str, str]) -> str:
    for name, value in variables.items():
        text = text.replace(name, value)
    return text


async def quiet(prometheus: Prometheus) -> bool:
    return not await prometheus.active()


async def fires(prometheus: Prometheus, alert: str) -> bool:
    return alert in await prometheus.active()


async def not_active(prometheus: Prometheus, alert: str) -> bool:
    return alert not in await prometheus.active()
