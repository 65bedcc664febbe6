"""Directions of imports: each folder knows its own block of the layout and the blocks above it."""

from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from grimp import ImportGraph, build_graph

import iss_agents

BLOCKS = (
    # what every record is, and what every process needs
    {"errors", "telemetry", "config", "runtime", "kafka", "watchdogs"},
    # what a worker runs
    {"feed", "streaming", "agents", "tables", "detection", "announcers", "state_view", "archive"},
    # what is around it
    {"web", "cli", "simulator", "local_stack", "tools"},
    # what puts a worker together
    {"boot", "application", "iss_agents"},
)
APP_OF = {"agents", "tables"}
"""These know the App although it is below them: Faust registers agents and Tables with it."""

MOST_LOOSE_MODULES = 8


@pytest.fixture(scope="module")
def graph() -> ImportGraph:
    return build_graph("iss_agents", "tables", "web")


def folder(module: str) -> str:
    """Return the folder of a module: the first below `iss_agents`, else `tables` or `web`."""
    return module.removeprefix("iss_agents.").split(".")[0]


def imports(graph: ImportGraph) -> Iterator[tuple[str, str]]:
    """Yield every import from one folder of another, with the importing module first."""
    for importer in graph.modules:
        for imported in graph.find_modules_directly_imported_by(importer):
            if folder(importer) != folder(imported):
                yield importer, imported


def importers(graph: ImportGraph, name: str) -> set[str]:
    """Return the folders that import a folder."""
    return {folder(importer) for importer, imported in imports(graph) if folder(imported) == name}


def test_no_imports_form_a_circle(graph: ImportGraph) -> None:
    imported = {each: graph.find_modules_directly_imported_by(each) for each in graph.modules}

    assert set(TopologicalSorter(imported).static_order()) == graph.modules


def test_every_folder_has_its_place_in_the_layout(graph: ImportGraph) -> None:
    assert {folder(module) for module in graph.modules} == set().union(*BLOCKS)


def test_no_import_runs_down_the_layout(graph: ImportGraph) -> None:
    block = {name: number for number, names in enumerate(BLOCKS) for name in names}
    down = [
        f"{importer} -> {imported}"
        for importer, imported in imports(graph)
        if block[folder(imported)] > block[folder(importer)]
        and not (folder(imported) == "application" and folder(importer) in APP_OF)
    ]

    assert down == []


def test_detection_knows_what_is_measured_and_nothing_else(graph: ImportGraph) -> None:
    assert {folder(imported) for importer, imported in imports(graph) if folder(importer) == "detection"} == {
        "telemetry"
    }


def test_only_the_boot_order_knows_the_web_and_only_the_app_knows_the_boot_order(graph: ImportGraph) -> None:
    assert importers(graph, "web") == {"boot"}
    assert importers(graph, "boot") == {"application"}


def test_few_modules_lie_loose_beside_the_folders() -> None:
    assert len(list(Path(iss_agents.__file__).parent.glob("*.py"))) <= MOST_LOOSE_MODULES
