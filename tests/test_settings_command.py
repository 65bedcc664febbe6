"""`iss-agents settings`."""

import json

import pytest
from click.testing import CliRunner

from iss_agents.settings_command import settings, without_password


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("mongodb://localhost:27017/?directConnection=true",) * 2,
        ("mongodb+srv://user@host/",) * 2,
        ("mongodb://user:pa:ss@word@host:1/iss?ssl=true", "mongodb://user:***@host:1/iss?ssl=true"),
        (
            "mongodb://host/?tlsCertificateKeyFilePassword=a&w=1",
            "mongodb://host/?tlsCertificateKeyFilePassword=***&w=1",
        ),
    ],
)
def test_only_what_is_secret_in_an_address_is_hidden(address: str, shown: str) -> None:
    assert without_password(address) == shown


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
