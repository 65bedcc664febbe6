"""The alerts for Prometheus: they load, fire when they should, and ask for metrics that exist."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.monitoring.names import DOCKER, RULES, asked_for, known

README = (DOCKER.parent / "README.md").read_text(encoding="utf-8")
TESTS = (RULES.parent / "alerts_test.yaml").read_text(encoding="utf-8")
ALERTS = re.findall(r"- alert: (\w+)", RULES.read_text(encoding="utf-8"))


def promtool(*arguments: str | Path) -> None:
    """Run promtool beside the rules; it says on its own what is wrong."""
    done = subprocess.run(
        ["promtool", *arguments], cwd=RULES.parent, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_rules_and_configuration_are_valid() -> None:
    promtool("check", "rules", "alerts.yaml")
    promtool("check", "config", "prometheus.yaml")


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
    rows = README.count(f"\n| `{alert}` |")

    assert (firing > 0, quiet > 0, rows) == (True, True, 1)


def test_the_runbook_has_no_other_alerts_and_is_where_the_rules_say() -> None:
    section = README.split("### When an alert fires")[1].split("\n## ")[0].split("\n### ")[0]
    rules = RULES.read_text(encoding="utf-8")

    assert re.findall(r"\n\| `(\w+)` \|", section) == ALERTS
    assert rules.count('runbook: "README.md#when-an-alert-fires"') == len(ALERTS)
    assert rules.count("summary: ") == rules.count("description: ") == len(ALERTS)
