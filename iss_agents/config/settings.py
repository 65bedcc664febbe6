"""Settings, read once from `ISS_*` environment variables or `.env`."""

import os
import re
from difflib import get_close_matches
from functools import cache
from ipaddress import IPv4Network, IPv6Network, ip_address
from pathlib import Path
from typing import Annotated, Literal, Self, get_args
from urllib.parse import urlsplit

from dotenv import dotenv_values
from platformdirs import user_data_path
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import NoDecode, SettingsConfigDict

from iss_agents.config.kafka import KafkaSettings
from iss_agents.config.worker_address import DEFAULT_URL, EXPECTED, names_a_server, root_of_worker
from iss_agents.errors import UserError
from iss_agents.runtime.redaction import without_password
from iss_agents.telemetry.records import Source
from iss_agents.telemetry.shards import WHOLE, Shard

PUBLIC_FEED = "https://push.lightstreamer.com"
"""The public Lightstreamer server of the ISSLive broadcast (feed.md)."""

ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:\d{1,5})?|https?://\[[0-9a-f:]+\](:\d{1,5})?")
"""Scheme, host and port, in lower case and without a path (RFC 6454)."""

LONGEST_RETENTION_DAYS = 24_855
"""The longest expiry of MongoDB: 2,147,483,647 seconds."""

LARGEST_SPOOL_BYTES = 1 << 40
"""More than months of readings; anything larger is a typo."""

LONGEST_PAUSE_SECONDS = 7 * 24 * 3600
"""A week; to disable announcements, leave the keys out."""

X_KEYS = ("x_consumer_key", "x_consumer_secret", "x_access_token", "x_access_secret")

Network = IPv4Network | IPv6Network

Role = Literal["feed", "agents", "archive", "web"]
ALL_ROLES: frozenset[Role] = frozenset({"feed", "agents", "archive", "web"})


class Settings(KafkaSettings):
    """What an operator may choose. The variable of a field is `ISS_` and its name in capitals."""

    model_config = SettingsConfigDict(env_prefix="ISS_", env_file=".env", extra="ignore", frozen=True)

    home: Path = Field(
        default_factory=lambda: user_data_path("iss-agents"), description="folder for spool and embedded data"
    )
    database_program: Path | None = Field(
        default=None, description="program with the options of SecantusDB that serves as the local database"
    )
    mongo_url: SecretStr = Field(
        default=SecretStr("mongodb://localhost:27017/?directConnection=true"), description="MongoDB's address"
    )
    mongo_database: str = Field(default="iss", description="name of the database")
    retention_days: int = Field(
        default=30,
        ge=0,
        le=LONGEST_RETENTION_DAYS,
        description="days that MongoDB keeps readings; 0: for ever",
    )
    summary_days: int = Field(
        default=3650,
        ge=0,
        le=LONGEST_RETENTION_DAYS,
        description="days that MongoDB keeps the minutes of each hour, made of readings; 0: for ever",
    )
    history_days: int = Field(
        default=0,
        ge=0,
        le=LONGEST_RETENTION_DAYS,
        description="days that MongoDB keeps every reading of an hour that is over, packed; 0: for ever",
    )
    feed: Literal["leader", "always", "off"] = Field(
        default="leader", description="who of the workers runs the feed"
    )
    feed_shard: Annotated[Shard, NoDecode] = Field(
        default=WHOLE, description="which shard of the items, of how many, the feed takes"
    )
    feed_url: str = Field(default=PUBLIC_FEED, description="address of the Lightstreamer server")
    feed_adapter_set: str = Field(default="ISSLIVE", description="adapter set of the Lightstreamer server")
    source: Source | None = Field(
        default=None, description="source of the readings; follows from the feed's address if unset"
    )
    roles: Annotated[frozenset[Role], NoDecode] = Field(default=ALL_ROLES, description="what this worker runs")
    spool_bytes: int = Field(
        default=1 << 30,
        ge=1 << 20,
        le=LARGEST_SPOOL_BYTES,
        description="largest size of the spool on disk, bytes",
    )
    web_host: str = Field(default="127.0.0.1", description="address that the web server binds to")
    web_port: int = Field(default=8000, ge=1, le=65535, description="port of the web server")
    public: bool = Field(default=False, description="whether everyone who reaches the web server may read")
    read_token: SecretStr | None = Field(
        default=None,
        description="token of readers where not everyone may read; the command line sends it",
    )
    trusted_proxies: Annotated[tuple[Network, ...], NoDecode] = Field(
        default=(), description="proxies, or networks of them, whose X-Forwarded headers count, comma between"
    )
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="origins whose pages may read the API, comma between, or * for all"
    )
    url: str = Field(default=DEFAULT_URL, description="address of the worker that the command line asks")
    ingest_token: SecretStr | None = Field(default=None, description="bearer token of POST /api/v1/ingest/test")
    x_consumer_key: SecretStr | None = Field(default=None, description="X: the app's consumer key (OAuth 1.0a)")
    x_consumer_secret: SecretStr | None = Field(default=None, description="X: the app's consumer secret")
    x_access_token: SecretStr | None = Field(default=None, description="X: the account's access token")
    x_access_secret: SecretStr | None = Field(default=None, description="X: the account's access secret")
    x_url: str = Field(default="https://api.twitter.com", description="X: where its API is")
    x_retry_after: int = Field(
        default=3600,
        ge=0,
        le=LONGEST_PAUSE_SECONDS,
        description="seconds to leave X, or the webhook, in peace after it refused",
    )
    webhook_url: SecretStr | None = Field(default=None, description="address that gets announcements as JSON")
    log: Literal["json", "text"] | None = Field(
        default=None, description="log format; json unless on a terminal"
    )
    sentry_dsn: SecretStr | None = Field(
        default=None, description="address of the Sentry project that gets errors"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="least level logged"
    )

    @field_validator("roles", "cors_origins", "trusted_proxies", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("feed_shard", mode="before")
    @classmethod
    def _is_a_shard(cls, value: object) -> object:
        return Shard.parse(value) if isinstance(value, str) else value

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        wrong = [origin for origin in origins if origin != "*" and not ORIGIN.fullmatch(origin)]
        if wrong:
            raise PydanticCustomError(
                "origin",
                "{wrong} is no origin; expected what browsers send, such as https://example.org, or * for all",
                {"wrong": wrong[0]},
            )
        return origins

    @field_validator("webhook_url", mode="before")
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        return value or None

    @field_validator("feed_url", "x_url", "webhook_url")
    @classmethod
    def _is_an_address(cls, value: str | SecretStr | None) -> str | SecretStr | None:
        address = value.get_secret_value() if isinstance(value, SecretStr) else value
        if address is not None and not names_a_server(address):
            raise PydanticCustomError("address", EXPECTED)
        return value

    @field_validator("url")
    @classmethod
    def _is_the_root_of_a_worker(cls, address: str) -> str:
        return root_of_worker(address)

    @model_validator(mode="after")
    def _all_keys_or_none(self) -> Self:
        keys = {f"ISS_{name.upper()}": getattr(self, name) for name in X_KEYS}
        missing = [variable for variable, key in keys.items() if not key]
        if 0 < len(missing) < len(keys):
            raise ValueError(f"posting to X needs all four of its keys, set {', '.join(missing)} too")
        return self

    @property
    def reads_are_open(self) -> bool:
        """Whether reading needs no token: nobody else reaches the web server, or everyone may read."""
        return self.public or self.reads_are_local

    @property
    def reads_are_local(self) -> bool:
        """Whether reading needs no token just because nobody else reaches the web server."""
        return not self.public and _is_loopback(self.web_host) and not self.trusted_proxies

    @property
    def x_keys(self) -> list[str] | None:
        """X's consumer key and secret and access token and secret, or None without them."""
        keys = (self.x_consumer_key, self.x_consumer_secret, self.x_access_token, self.x_access_secret)
        return [key.get_secret_value() for key in keys if key] or None

    @property
    def feed_source(self) -> Source:
        """What readings of the feed say they come from: the public server is `isslive`, others simulated."""
        if self.source:
            return self.source
        is_public = urlsplit(self.feed_url).hostname == urlsplit(PUBLIC_FEED).hostname
        return "isslive" if is_public else "simulated"


def load_settings() -> Settings:
    """Read the settings.

    Raises:
        UserError: names each variable that is wrong, its value and what was expected.
    """
    try:
        return Settings()
    except ValidationError as error:
        raise UserError("; ".join(map(_sentence, error.errors()))) from None


def unknown_variables() -> list[str]:
    """Return a sentence for each `ISS_*` variable, in the environment or `.env`, that is no setting."""
    known = [f"ISS_{name.upper()}" for name in Settings.model_fields]
    given = {name.upper() for name in (*os.environ, *dotenv_values(".env"))}
    return [_unknown(name, known) for name in sorted(given) if name.startswith("ISS_") and name not in known]


def make_home(settings: Settings) -> None:
    """Create the home folder.

    Raises:
        UserError: it cannot be created.
    """
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"The folder {settings.home} cannot be made ({error.strerror}): set ISS_HOME to another."
        ) from error


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def require_readers(settings: Settings) -> None:
    """Require that somebody may read a web server that others reach.

    Raises:
        UserError: nobody said who.
    """
    if "web" in settings.roles and not settings.reads_are_open and not settings.read_token:
        raise UserError(
            "others can reach the web server (ISS_WEB_HOST, ISS_TRUSTED_PROXIES): "
            "set ISS_PUBLIC=true if everyone may read, or ISS_READ_TOKEN to a token that readers must bring."
        )


def _sentence(error: object) -> str:
    assert isinstance(error, dict)  # noqa: S101 - pydantic's ErrorDetails
    if not error["loc"]:
        return str(error["msg"]).removeprefix("Value error, ")
    field = str(error["loc"][0])
    shown = "secret" if _is_secret(field) else repr(_without_password(error["input"]))
    return f"ISS_{field.upper()} is {shown}: {error['msg'].removeprefix('Value error, ')}"


def _without_password(given: object) -> object:
    return without_password(given) if isinstance(given, str) else given


def _is_secret(field: str) -> bool:
    annotation = Settings.model_fields[field].annotation
    return SecretStr in (annotation, *get_args(annotation))


def _unknown(name: str, known: list[str]) -> str:
    # Without the beginning, which would make all of them alike.
    near = get_close_matches(name.removeprefix("ISS_"), [each.removeprefix("ISS_") for each in known], n=1)
    return f"{name} is no setting" + (f"; did you mean ISS_{near[0]}?" if near else ".")


@cache
def current_settings() -> Settings:
    """Return the settings of this process, read at the first call."""
    return load_settings()
