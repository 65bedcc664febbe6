from pathlib import Path

import pytest

from iss_agents.config.settings import Settings, load_settings, unknown_variables
from iss_agents.errors import UserError
from iss_agents.telemetry.shards import Shard


def test_each_wrong_variable_is_named_with_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISS_ROLES", "feed,wab")
    monkeypatch.setenv("ISS_WEB_PORT", "99999")
    monkeypatch.setenv("ISS_FEED_URL", "station.example")

    expected = r"ISS_FEED_URL is 'station.example': .*ISS_ROLES is 'wab': .*ISS_WEB_PORT is '99999'"
    with pytest.raises(UserError, match=expected):
        load_settings()


@pytest.mark.parametrize("variable", ["ISS_FEED_URL", "ISS_X_URL", "ISS_URL", "ISS_WEBHOOK_URL"])
@pytest.mark.parametrize("address", ["ftp://user:hunter2@host", "user:hunter2@host:8000", "http://u:hunter2@"])
def test_a_wrong_address_is_named_without_its_password(
    monkeypatch: pytest.MonkeyPatch, variable: str, address: str
) -> None:
    monkeypatch.setenv(variable, address)

    with pytest.raises(UserError, match=f"^{variable} is .*expected an address") as failure:
        load_settings()

    assert "hunter2" not in str(failure.value)


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
    expected = "expected a shard, from 1/1 to 12/12"
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


NO_SERVERS = [
    "station",
    "http://",
    "ftp://localhost",
    "http://localhost:99999",
    "http://[::1/",
    "https://discord..com/api/webhooks/1/secret",
    "https://.example.org/",
    f"https://{'a' * 64}.example.org/",
    "https://example .org/",
    "https://example%2eorg/",
]


@pytest.mark.parametrize("address", NO_SERVERS)
@pytest.mark.parametrize("variable", ["ISS_FEED_URL", "ISS_X_URL"])
def test_an_address_that_no_client_can_connect_to_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str, address: str
) -> None:
    monkeypatch.setenv(variable, address)

    with pytest.raises(UserError) as failure:
        load_settings()
    assert str(failure.value) == f"{variable} is {address!r}: expected an address such as http://127.0.0.1:8000"


@pytest.mark.parametrize("address", NO_SERVERS)
def test_a_webhook_that_no_client_can_connect_to_is_not_repeated(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("ISS_WEBHOOK_URL", address)

    with pytest.raises(UserError, match=r"^ISS_WEBHOOK_URL is secret: expected an address such as \S+$"):
        load_settings()


@pytest.mark.parametrize(
    "address",
    [
        "https://ntfy.sh/topic?tpl=1&title={{.title}}&message={{.message}}",
        "http://127.0.0.1:8123/api/webhook/x",
        "http://[::1]:80/hook",
        "https://höst.example/hook",
        "http://my_hook:8080",
    ],
)
def test_the_address_of_a_webhook_may_have_a_query_and_any_name(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("ISS_WEBHOOK_URL", address)

    webhook = load_settings().webhook_url
    assert webhook
    assert webhook.get_secret_value() == address


def test_an_empty_webhook_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISS_WEBHOOK_URL", "")

    assert load_settings().webhook_url is None


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


NUMBERS = [
    "ISS_RETENTION_DAYS",
    "ISS_SUMMARY_DAYS",
    "ISS_HISTORY_DAYS",
    "ISS_SPOOL_BYTES",
    "ISS_WEB_PORT",
    "ISS_X_RETRY_AFTER",
]


def test_every_number_is_tried_below() -> None:
    numbers = [name for name, field in Settings.model_fields.items() if field.annotation in {int, float}]

    assert sorted(f"ISS_{name.upper()}" for name in numbers) == sorted(NUMBERS)


@pytest.mark.parametrize("variable", NUMBERS)
def test_a_number_beyond_all_measure_is_named_with_what_was_expected(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, str(10**15))

    with pytest.raises(UserError, match=rf"^{variable} is '{10**15}': .*less than or equal to \d+"):
        load_settings()
