"""The workflows use what is pinned and may do no more than they need."""

import json
import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.docker.test_dockerfile import INSTALL

FOLDER = Path(__file__).parents[2] / ".github" / "workflows"
WORKFLOWS = sorted(FOLDER.glob("*.yaml"))
PINNED = re.compile(r"[\w./-]+@[0-9a-f]{40}|\./\.github/workflows/[\w.-]+")


def workflow(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return document


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_action_is_pinned_to_a_commit(path: Path) -> None:
    jobs = workflow(path)["jobs"].values()
    steps = [step for job in jobs for step in job.get("steps", [])]
    used = [each["uses"] for each in [*jobs, *steps] if "uses" in each]

    assert used
    assert [name for name in used if not PINNED.fullmatch(name)] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_reads_and_no_more(path: Path) -> None:
    assert workflow(path)["permissions"] == {"contents": "read"}


def test_only_a_release_writes() -> None:
    writing = [
        (path.name, name)
        for path in WORKFLOWS
        for name, job in workflow(path)["jobs"].items()
        if "write" in job.get("permissions", {}).values()
    ]

    assert writing == [("release.yaml", "release")]


def test_a_release_waits_for_the_checks() -> None:
    jobs = workflow(FOLDER / "release.yaml")["jobs"]

    assert jobs["release"]["needs"] == "checks"
    assert jobs["checks"]["uses"] == "./.github/workflows/ci.yaml"
    assert "  workflow_call:\n" in (FOLDER / "ci.yaml").read_text(encoding="utf-8")


def exported(path: Path, folder: Path) -> str:
    """Run the only `uv export` of a workflow; return what it writes."""
    (command,) = re.findall(r"uv export .*", path.read_text(encoding="utf-8"))
    *arguments, _ = shlex.split(command)
    subprocess.run([*arguments, folder / "exported"], cwd=FOLDER.parents[1], check=True, capture_output=True)
    return (folder / "exported").read_text(encoding="utf-8")


def installed_by_the_image(folder: Path) -> set[tuple[str, ...]]:
    """Return name and version of every library that the image installs."""
    command = [*INSTALL.split(), "--no-install-project", "--dry-run"]
    environment = os.environ | {"UV_PROJECT_ENVIRONMENT": str(folder / "environment")}
    done = subprocess.run(
        command, cwd=FOLDER.parents[1], env=environment, check=True, capture_output=True, text=True
    )
    return {tuple(each.split("==")) for each in re.findall(r"^ \+ (\S+==\S+)", done.stderr, re.MULTILINE)}


def test_what_the_image_installs_is_audited_and_in_the_bill_of_materials(tmp_path: Path) -> None:
    installed = installed_by_the_image(tmp_path)
    bill = json.loads(exported(FOLDER / "release.yaml", tmp_path))
    listed = {(each["name"], each["version"]) for each in bill["components"]}
    audited = set(re.findall(r"^([\w.-]+)==([\w.+-]+)", exported(FOLDER / "ci.yaml", tmp_path), re.MULTILINE))

    assert bill["metadata"]["component"]["name"] == "iss-agents"
    assert len(installed) > 40
    assert installed <= listed
    assert installed <= audited


def test_an_audit_fails_if_something_cannot_be_looked_up() -> None:
    (command,) = re.findall(r"uvx pip-audit==.*", (FOLDER / "ci.yaml").read_text(encoding="utf-8"))

    assert "--strict" in command.split()
