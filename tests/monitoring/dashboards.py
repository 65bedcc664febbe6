"""Grafana's dashboards, as they are read here."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.monitoring.names import DOCKER

GRAFANA = DOCKER / "grafana"
FILES = sorted((GRAFANA / "dashboards").glob("*.json"))
PROMETHEUS, INFINITY = "iss-prometheus", "iss-infinity"


def read(path: Path) -> dict[str, Any]:
    """Return a dashboard."""
    dashboard: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return dashboard


def targets(source: str) -> Iterator[dict[str, Any]]:
    """Yield the queries of all dashboards to the data source with this uid."""
    for path in FILES:
        for panel in read(path)["panels"]:
            yield from (each for each in panel["targets"] if each["datasource"]["uid"] == source)
