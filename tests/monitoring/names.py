"""Which metrics the files for Prometheus and Grafana ask for, and which there are."""

import re
from pathlib import Path

import prometheus_client
from prometheus_client.parser import text_string_to_metric_families

import iss_agents.runtime.metrics  # noqa: F401 - registers them

DOCKER = Path(__file__).parent.parent.parent / "docker"
RULES = DOCKER / "prometheus" / "alerts.yaml"

ENDINGS = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}
"""Metric type -> what its series add to the name of the family."""


def asked_for(text: str) -> set[str]:
    """Return the names of this project's metrics, and of its processes, in a text of queries."""
    return set(re.findall(r"\b(?:iss|process)_[a-z_]+", text))


def known() -> set[str]:
    """Return the name of every series that a worker's /metrics can have."""
    text = prometheus_client.generate_latest().decode()
    families = text_string_to_metric_families(text)
    return {family.name + ending for family in families for ending in ENDINGS.get(family.type, ("",))}
