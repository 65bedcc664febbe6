"""`iss-agents settings`."""

import json

import pytest
from click.testing import CliRunner

from iss_agents.config.commands import settings


def test_settings_hides_secrets_and_names_what_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISS_MONGO_URL", "mongodb://user:secret@host/")
    monkeypatch.setenv("ISS_INGEST_TOKEN", "secret")
    monkeypatch.setenv("ISS_KAFKA_USER", "iss")
    monkeypatch.setenv("ISS_KAFKA_PASSWORD", "secret")
    monkeypatch.setenv("ISS_KAFKAURL", "host:9092")

    result = CliRunner().invoke(settings, ["--json"])

    in_force = json.loads(result.stdout)
    assert in_force["mongo_url"] == "mongodb://user:***@host/"
    assert in_force["ingest_token"] == "set, hidden"
    assert in_force["kafka_password"] == "set, hidden"
    assert result.stderr == "iss-agents: ISS_KAFKAURL is no setting; did you mean ISS_KAFKA_URL?\n"


ADDRESSES = ("feed_url", "url", "x_url", "mongo_url", "webhook_url", "sentry_dsn", "kafka_url")


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_no_address_is_printed_with_its_password(monkeypatch: pytest.MonkeyPatch, options: list[str]) -> None:
    for name in ADDRESSES:
        scheme = "mongodb" if name == "mongo_url" else "http"
        monkeypatch.setenv(f"ISS_{name.upper()}", f"{scheme}://user:hunter2@{name.replace('_', '')}.example")
    monkeypatch.setenv("ISS_TRUSTED_PROXIES", "10.0.0.1,192.168.7.0/24")

    result = CliRunner().invoke(settings, options)

    assert (result.exit_code, result.stderr) == (0, "")
    assert "hunter2" not in result.stdout
    assert "http://user:***@feedurl.example" in result.stdout
    assert "10.0.0.1/32,192.168.7.0/24" in result.stdout
