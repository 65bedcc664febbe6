import pytest

from iss_agents.errors import UserError
from iss_agents.settings import load_settings


def test_each_wrong_variable_is_named_with_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISS_ROLES", "feed,wab")
    monkeypatch.setenv("ISS_WEB_PORT", "99999")

    with pytest.raises(UserError, match=r"ISS_ROLES is 'wab': .*'feed', 'agents', .*ISS_WEB_PORT is '99999'"):
        load_settings()


def test_the_source_follows_from_the_address_of_the_feed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().feed_source == "isslive"
    monkeypatch.setenv("ISS_FEED_URL", "http://127.0.0.1:9000")
    assert load_settings().feed_source == "simulated"


def test_roles_are_a_list_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISS_ROLES", "feed, web")

    assert load_settings().roles == {"feed", "web"}
