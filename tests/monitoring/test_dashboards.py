"""Grafana's dashboards: they can be provisioned anywhere, and ask for what exists."""

import re
from collections import Counter
from pathlib import Path

import pytest

from iss_agents.telemetry.catalog import items
from tests.monitoring.dashboards import FILES, GRAFANA, INFINITY, PROMETHEUS, read, targets
from tests.monitoring.names import asked_for, known


def test_there_are_four_dashboards_with_a_uid_and_a_title_each() -> None:
    dashboards = [read(path) for path in FILES]

    assert [path.stem for path in FILES] == ["feed", "items", "overview", "tank"]
    assert len({dashboard["uid"] for dashboard in dashboards}) == len(FILES)
    assert len({dashboard["title"] for dashboard in dashboards}) == len(FILES)
    # The id of a dashboard is the database's; with a foreign one Grafana overwrites or refuses.
    assert not any("id" in dashboard for dashboard in dashboards)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_panel_says_what_it_shows_and_from_where(path: Path) -> None:
    panels = read(path)["panels"]

    assert panels
    assert max(Counter(panel["id"] for panel in panels).values()) == 1
    for panel in panels:
        assert panel["title"]
        assert panel["description"]
        assert panel["fieldConfig"]["defaults"]["unit"]
        sources = {panel["datasource"]["uid"], *(target["datasource"]["uid"] for target in panel["targets"])}
        assert len(sources) == 1
        assert sources <= {PROMETHEUS, INFINITY}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_panel_lies_on_another(path: Path) -> None:
    cells: Counter[tuple[int, int]] = Counter()
    for place in (panel["gridPos"] for panel in read(path)["panels"]):
        assert place["x"] + place["w"] <= 24
        columns, rows = range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + place["h"])
        cells.update((column, row) for column in columns for row in rows)

    assert max(cells.values()) == 1


def test_every_metric_of_the_dashboards_exists() -> None:
    names = {name for target in targets(PROMETHEUS) for name in asked_for(target["expr"])}

    assert len(names) > len(FILES)
    assert names - known() == set()


def test_the_items_are_read_from_the_summary_by_the_backend() -> None:
    asked = list(targets(INFINITY))
    literal = {item for target in asked for item in re.findall(r"item=(\w+)", target["url"])}

    assert {target["parser"] for target in asked} == {"backend"}
    assert {target["root_selector"] for target in asked} == {"buckets"}
    assert literal == {"NODE3000005"}
    assert literal <= items().keys()


def test_the_data_sources_have_the_uids_that_the_dashboards_name() -> None:
    text = (GRAFANA / "provisioning" / "datasources" / "datasources.yaml").read_text(encoding="utf-8")

    assert re.findall(r"uid: (\S+)\n    type: (\S+)", text) == [
        (PROMETHEUS, "prometheus"),
        (INFINITY, "yesoreyeram-infinity-datasource"),
    ]
