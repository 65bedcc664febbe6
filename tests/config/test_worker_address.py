"""What the command line reads of the settings without the others is what the settings are."""

from pathlib import Path

import pytest

from iss_agents.config.settings import load_settings
from iss_agents.config.worker_address import load_worker_address
from iss_agents.errors import UserError

ADDRESS = "https://station.example/worker"


@pytest.mark.parametrize(
    ("environment", "file"),
    [
        ({}, ""),
        ({"ISS_URL": f"{ADDRESS}/", "ISS_READ_TOKEN": "a"}, ""),
        ({"iss_url": ADDRESS}, ""),
        ({}, f"ISS_URL='{ADDRESS}' # there\nexport iss_read_token=b"),
        ({"ISS_URL": ADDRESS}, "ISS_URL=http://other.example\nISS_READ_TOKEN=c"),
        ({"ISS_READ_TOKEN": ""}, "ISS_READ_TOKEN=c"),
    ],
)
def test_address_and_token_are_those_of_the_settings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, environment: dict[str, str], file: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text(file)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    address, settings = load_worker_address(), load_settings()

    token = settings.read_token.get_secret_value() if settings.read_token else ""
    assert (address.url, address.read_token) == (settings.url, token)


@pytest.mark.parametrize(
    "address", ["", "station", "http://", "http://localhost:99999", "http://h/?a=1", "ftp://user:hunter2@host"]
)
def test_a_wrong_address_is_named_in_the_same_words(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("ISS_URL", address)
    said = []
    for load in (load_settings, load_worker_address):
        with pytest.raises(UserError) as failure:
            load()
        said.append(str(failure.value))

    assert said[0] == said[1]
    assert "hunter2" not in said[0]


def test_the_token_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISS_READ_TOKEN", "hunter2")

    assert "hunter2" not in repr(load_worker_address())
