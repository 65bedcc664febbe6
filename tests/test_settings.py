import pytest

from iss_agents.errors import UserError
from iss_agents.settings import load_settings


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


def test_roles_are_a_list_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISS_ROLES", "feed, web")

    assert load_settings().roles == {"feed", "web"}
