"""Every rule and every panel, asked of a real Prometheus beside a real worker, and what they notice."""

from functools import partial
from pathlib import Path
from time import monotonic

import pytest

from iss_agents.simulator.station import Station
from tests.monitoring.dashboards import INFINITY, PROMETHEUS, targets
from tests.monitoring.names import asked_for
from tests.monitoring.prometheus import Prometheus, watching
from tests.pipeline.worker import START_SECONDS, running
from tests.waiting import until

pytestmark = pytest.mark.long

RARE = {
    "iss_announcements_total",
    "iss_detection_to_post_seconds_bucket",
    "iss_events_detected_total",
    "iss_post_attempts_total",
    "iss_suspect_readings_total",
}
"""Metrics without a value as long as nobody uses the toilet and the station sends no nonsense."""

PROVOKED = {"iss_gaps_total", "iss_invalid_total"}
"""Metrics without a value as long as nothing is wrong."""

VARIABLES = {"$__rate_interval": "30s"}
SPAN = {"${item}": "USLAB000058", "${__from:date:iso}": "-5m", "${__to:date:iso}": "-0s"}


async def test_every_panel_has_data_every_rule_works_and_a_silent_station_is_noticed(
    environment: dict[str, str], busy_station: Station, tmp_path: Path
) -> None:
    async with (
        running(tmp_path / "home", ISS_FEED_URL=busy_station.url, **environment) as worker,
        watching(worker, tmp_path / "prometheus") as prometheus,
    ):
        await until(worker.healthy, START_SECONDS)
        rules = await prometheus.rules()
        assert {name: rule["lastError"] for name, rule in rules.items() if rule["health"] != "ok"} == {}
        for expression in expressions():
            await prometheus.query(expression)
            if not asked_for(expression) & (RARE | PROVOKED):
                await until(partial(prometheus.query, expression))
        await until(prometheus.is_quiet)
        for target in targets(INFINITY):
            summary = await worker.get(filled(target["url"], SPAN))
            assert summary["buckets"][-1].keys() >= {column["selector"] for column in target["columns"]}

        await until(partial(raises_by_broken_updates, prometheus, busy_station))
        busy_station.faults.los()
        await until(partial(prometheus.raises, "SignalLostForLong"))
        busy_station.faults.recover()
        await until(partial(is_over, prometheus, "SignalLostForLong"))
        await until(partial(is_over, prometheus, "FeedSilent"))
        for expression in expressions():
            if asked_for(expression) & PROVOKED:
                await until(partial(prometheus.query, expression))
        busy_station.faults.freeze()
        await until(partial(prometheus.raises, "FeedSilent"))


async def raises_by_broken_updates(prometheus: Prometheus, station: Station) -> bool:
    # Another value each time: what has not changed is not sent.
    station.push("USLAB000058", {"TimeStamp": "yesterday", "Value": str(monotonic())})
    return await prometheus.raises("InvalidRate")


async def is_over(prometheus: Prometheus, alert: str) -> bool:
    return not await prometheus.raises(alert)


def expressions() -> list[str]:
    """Return every expression of the dashboards, as Grafana would send it."""
    return [filled(target["expr"], VARIABLES) for target in targets(PROMETHEUS)]


def filled(text: str, variables: dict[str, str]) -> str:
    for name, value in variables.items():
        text = text.replace(name, value)
    return text
