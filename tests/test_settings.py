from pathlib import Path

import pytest

from iss_agents.errors import UserError
from iss_agents.settings import load_settings, unknown_variables
from iss_agents.shard import Shard


def test_each_wrong_variable_is_named_with_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISS_ROLES", "feed,wab")
    monkeypatch.setenv("ISS_WEB_PORT", "99999")
    monkeypatch.setenv("ISS_FEED_URL", "station.example")

    expected = r"ISS_FEED_URL is 'station.example': .*ISS_ROLES is 'wab': .*ISS_WEB_PORT is '99999'"
    with pytest.raises(UserError, match=expected):
        load_settings()


def test_some_but_not_all_keys_of_x_are_an_error_that_names_the_missing_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("CONSUMER_KEY", "CONSUMER_SECRET", "ACCESS_TOKEN"):
        monkeypatch.setenv(f"ISS_X_{name}", "secret")

    with pytest.raises(UserError, match=r"needs all four of its keys, set ISS_X_ACCESS_SECRET too$"):
        load_settings()
    monkeypatch.setenv("ISS_X_ACCESS_SECRET", "the last")
    assert load_settings().x_keys == ["secret", "secret", "secret", "the last"]


def test_the_source_follows_from_the_address_of_the_feed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().feed_source == "isslive"
    monkeypatch.setenv("ISS_FEED_URL", "http://127.0.0.1:9000")
    assert load_settings().feed_source == "simulated"


def test_a_shard_is_read_and_one_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISS_FEED_SHARD", "2/3")
    assert load_settings().feed_shard == Shard(2, 3)
    monkeypatch.setenv("ISS_FEED_SHARD", "4/3")

    with pytest.raises(UserError) as failure:
        load_settings()
    expected = "expected which shard of how many, from 1/1 to 12/12"
    assert str(failure.value) == f"ISS_FEED_SHARD is '4/3': {expected}"


def test_roles_are_a_list_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISS_ROLES", "feed, web")

    assert load_settings().roles == {"feed", "web"}


@pytest.mark.parametrize(
    "address", ["station", "http://", "ftp://localhost", "http://localhost:99999", "http://h/?a=1"]
)
def test_an_address_of_a_worker_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("ISS_URL", address)

    with pytest.raises(UserError) as failure:
        load_settings()
    assert str(failure.value) == f"ISS_URL is {address!r}: expected an address such as http://127.0.0.1:8000"


def test_a_slash_at_the_end_of_an_address_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISS_URL", "https://station.example/worker/")

    assert load_settings().url == "https://station.example/worker"


def test_variables_that_are_no_settings_are_named_with_the_nearest(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("ISS_WEBPORT=1\nISS_WEB_HOST=::1\nOTHER=1\n")
    monkeypatch.setenv("ISS_FOO", "1")
    monkeypatch.setenv("ISS_ROLES", "web")

    assert unknown_variables() == [
        "ISS_FOO is no setting.",
        "ISS_WEBPORT is no setting; did you mean ISS_WEB_PORT?",
    ]
