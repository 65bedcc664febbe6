"""Every setting, read once from `ISS_*` environment variables or `.env`."""

from functools import cache
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from platformdirs import user_data_path
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from iss_agents.errors import UserError
from iss_agents.records import Source

PUBLIC_FEED = "https://push.lightstreamer.com"
"""The public Lightstreamer server of the ISSLive broadcast (feed.md)."""

X_KEYS = ("x_consumer_key", "x_consumer_secret", "x_access_token", "x_access_secret")

Role = Literal["feed", "agents", "archive", "web"]
ALL_ROLES: frozenset[Role] = frozenset({"feed", "agents", "archive", "web"})


class Settings(BaseSettings):
    """What an operator may choose. The variable of a field is `ISS_` and its name in capitals."""

    model_config = SettingsConfigDict(env_prefix="ISS_", env_file=".env", extra="ignore", frozen=True)

    home: Path = Field(
        default_factory=lambda: user_data_path("iss-agents"), description="folder for spool and embedded data"
    )
    kafka_url: str = Field("localhost:9092", description="Kafka's bootstrap servers, host:port, comma between")
    mongo_url: SecretStr = Field(
        default=SecretStr("mongodb://localhost:27017/?directConnection=true"), description="MongoDB's address"
    )
    mongo_database: str = Field(default="iss", description="name of the database")
    retention_days: int = Field(default=30, ge=1, description="days that MongoDB keeps readings")
    feed: Literal["leader", "always", "off"] = Field(
        default="leader", description="who of the workers runs the feed"
    )
    feed_url: str = Field(
        default=PUBLIC_FEED, pattern="^https?://", description="address of the Lightstreamer server"
    )
    feed_adapter_set: str = Field(default="ISSLIVE", description="adapter set of the Lightstreamer server")
    source: Source | None = Field(
        default=None, description="source of the readings; follows from the feed's address if unset"
    )
    roles: Annotated[frozenset[Role], NoDecode] = Field(default=ALL_ROLES, description="what this worker runs")
    spool_bytes: int = Field(
        default=1 << 30, ge=1 << 20, description="largest size of the spool on disk, bytes"
    )
    web_host: str = Field(default="127.0.0.1", description="address that the web server binds to")
    web_port: int = Field(default=8000, ge=1, le=65535, description="port of the web server")
    ingest_token: SecretStr | None = Field(default=None, description="bearer token of POST /api/v1/ingest/test")
    x_consumer_key: SecretStr | None = Field(default=None, description="X: the app's consumer key (OAuth 1.0a)")
    x_consumer_secret: SecretStr | None = Field(default=None, description="X: the app's consumer secret")
    x_access_token: SecretStr | None = Field(default=None, description="X: the account's access token")
    x_access_secret: SecretStr | None = Field(default=None, description="X: the account's access secret")
    x_url: str = Field(
        default="https://api.twitter.com", pattern="^https?://", description="X: where its API is"
    )
    x_retry_after: int = Field(
        default=3600, ge=0, description="seconds to leave X, or the webhook, in peace after it refused"
    )
    webhook_url: SecretStr | None = Field(default=None, description="address that gets announcements as JSON")
    log: Literal["json", "text"] | None = Field(
        default=None, description="log format; json unless on a terminal"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="least level logged"
    )

    @field_validator("roles", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return [role.strip() for role in value.split(",") if role.strip()] if isinstance(value, str) else value

    @model_validator(mode="after")
    def _all_keys_or_none(self) -> Self:
        keys = {f"ISS_{name.upper()}": getattr(self, name) for name in X_KEYS}
        missing = [variable for variable, key in keys.items() if not key]
        if 0 < len(missing) < len(keys):
            raise ValueError(f"posting to X needs all four of its keys, set {', '.join(missing)} too")
        return self

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

    @property
    def brokers(self) -> list[str]:
        """Kafka's bootstrap servers as host:port."""
        return [server.strip() for server in self.kafka_url.removeprefix("kafka://").split(",")]


def load_settings() -> Settings:
    """Read the settings.

    Raises:
        UserError: names each variable that is wrong, its value and what was expected.
    """
    try:
        return Settings()
    except ValidationError as error:
        raise UserError("; ".join(map(_sentence, error.errors()))) from None


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


def _sentence(error: object) -> str:
    assert isinstance(error, dict)  # noqa: S101 - pydantic's ErrorDetails
    if not error["loc"]:
        return str(error["msg"]).removeprefix("Value error, ")
    name = f"ISS_{error['loc'][0]}".upper()
    return f"{name} is {error['input']!r}: {error['msg']}"


@cache
def current_settings() -> Settings:
    """Return the settings of this process, read at the first call."""
    return load_settings()
