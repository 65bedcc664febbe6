"""The alerts for Prometheus: they load, fire when they should, and ask for metrics that exist."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.monitoring.names import DOCKER, RULES, asked_for, known
from tests.monitoring.prometheus import quicker

README = (DOCKER / "README.md").read_text(encoding="utf-8")
TESTS = (RULES.parent / "alerts_test.yaml").read_text(encoding="utf-8")
ALERTS = re.findall(r"- alert: (\w+)", RULES.read_text(encoding="utf-8"))


def promtool(*arguments: str | Path) -> None:
    """Run promtool beside the rules; it says on its own what is wrong."""
    done = subprocess.run(
        ["promtool", *arguments], cwd=RULES.parent, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.long
def test_rules_and_configuration_are_valid(tmp_path: Path) -> None:
    promtool("check", "rules", "alerts.yaml")
    # It looks for the token's file too, which the container makes at its start.
    (tmp_path / "read-token").write_text("none")
    for path in (RULES, RULES.with_name("prometheus.yaml")):
        (tmp_path / path.name).write_text(path.read_text().replace("/tmp/", f"{tmp_path}/"))
    promtool("check", "config", tmp_path / "prometheus.yaml")


def test_what_the_live_tests_make_quicker_is_every_duration_and_nothing_else() -> None:
    text = RULES.read_text(encoding="utf-8")
    numbers = [re.findall(r"\d+(?:\.\d+)?(?:ms|[smh])?", line) for line in text.splitlines()]
    changed = [
        (before, after)
        for line, found in zip(quicker(text).splitlines(), numbers, strict=True)
        for before, after in zip(found, re.findall(r"\d+(?:\.\d+)?(?:ms|[smh])?", line), strict=True)
        if before != after
    ]
    kept = {each for found in numbers for each in found} - {before for before, _ in changed}

    assert dict(changed) == {
        "1h": "180000ms",
        "30m": "90000ms",
        "15m": "45000ms",
        "10m": "30000ms",
        "5m": "15000ms",
        "2m": "6000ms",
        "1200": "60",
        "960": "48",
        "300": "15",
        "120": "6",
    }
    assert not {each for each in kept if each[-1] in "smh"}


@pytest.mark.long
def test_each_alert_fires_when_it_should_and_is_quiet_otherwise() -> None:
    promtool("test", "rules", "alerts_test.yaml")


def test_every_metric_of_the_rules_exists() -> None:
    names = asked_for(RULES.read_text(encoding="utf-8"))

    assert len(names) > len(ALERTS)
    assert names - known() == set()


@pytest.mark.parametrize("alert", ALERTS)
def test_each_alert_is_tested_firing_and_quiet_and_has_its_line_in_the_runbook(alert: str) -> None:
    firing = TESTS.count(f"- alertname: {alert}\n")
    quiet = TESTS.count(f"- {{alertname: {alert}, ")
    rows = README.count(f"\n**`{alert}`.** ")

    assert (firing > 0, quiet > 0, rows) == (True, True, 1)


@pytest.mark.parametrize("alert", ALERTS)
def test_each_alert_is_raised_by_its_fault_beside_a_real_worker(alert: str) -> None:
    live = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_live*.py"))

    assert f'"{alert}"' in live


def test_the_runbook_has_no_other_alerts_and_is_where_the_rules_say() -> None:
    section = README.split("## When an alert fires")[1].split("\n## ")[0]
    rules = RULES.read_text(encoding="utf-8")

    assert re.findall(r"\n\*\*`(\w+)`\.\*\* ", section) == ALERTS
    assert rules.count('runbook: "docker/README.md#when-an-alert-fires"') == len(ALERTS)
    assert rules.count("summary: ") == rules.count("description: ") == len(ALERTS)
