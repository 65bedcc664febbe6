"""Grafana's dashboards as Grafana's own models read them."""

import json
from pathlib import Path
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from tests.monitoring.dashboards import FILES, read

register_default_plugins()


def kept(document: dict[str, Any]) -> dict[str, Any]:
    """Return what the models keep of a dashboard: they drop the fields that they do not know."""
    encoded: dict[str, Any] = json.loads(JSONEncoder().encode(Dashboard.from_json(document)))
    return encoded


def lost(before: Any, after: Any, path: str = "") -> list[str]:
    """Return the path of each field that is missing after, or has another value."""
    if isinstance(before, dict) and isinstance(after, dict):
        fields = before.items()
        return [each for key, value in fields for each in lost(value, after.get(key), f"{path}/{key}")]
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        pairs = enumerate(zip(before, after, strict=True))
        return [each for place, (old, new) in pairs for each in lost(old, new, f"{path}/{place}")]
    return [] if before == after else [path]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_grafanas_models_know_every_field_of_a_dashboard(path: Path) -> None:
    dashboard = read(path)

    assert lost(dashboard, kept(dashboard)) == []


def test_a_field_that_grafana_does_not_know_is_found() -> None:
    dashboard = next(each for each in map(read, FILES) if any("options" in panel for panel in each["panels"]))
    number, panel = next((at, panel) for at, panel in enumerate(dashboard["panels"]) if "options" in panel)
    dashboard["refreshEvery"] = "10s"
    panel["fieldConfig"]["defaults"]["units"] = "percent"
    panel["options"]["colour"] = "red"

    assert set(lost(dashboard, kept(dashboard))) == {
        f"/panels/{number}/fieldConfig/defaults/units",
        f"/panels/{number}/options/colour",
        "/refreshEvery",
    }
