"""Faust App, with a picture of the whole data flow.

push.lightstreamer.com
  |  feed/ (or `iss-agents simulate`)      dead letters -> telemetry.invalid.v1
  v                                        gaps         -> telemetry.gaps.v1
telemetry.raw.v1 --> keep_last_seen --> [last_seen] --changelog--> web/ state view --> page, API
  |                       |
  |                       +--> water.readings.v1 --> watch_tank --> [tank_levels]
  |                                                    |
  |                            urination.events.v1 <---+
  |                                |         |
  |                                |         +--> announce --> [tweet_cooldowns]
  |                                |                |   +--> X, a webhook, or nobody
  v                                v                v
archive/ (own consumer group, not an agent) <-- post.decisions.v1
  |
  +--> MongoDB --> /api/v1/telemetry, /events, /posts; Grafana, mongosh

[ ] changelog-backed Tables in tables/. The state view follows all of them, and events, decisions and gaps.
Every topic is in telemetry/topics.py.
"""

import logging
from typing import Any

from yarl import URL

from iss_agents.boot import Boot
from iss_agents.config.settings import Settings, current_settings, make_home, require_readers, unknown_variables
from iss_agents.errors import UserError
from iss_agents.kafka.clients import METADATA_MS, faust_credentials
from iss_agents.runtime.garbage import collect_garbage_rarely
from iss_agents.runtime.logs import log_config
from iss_agents.runtime.printable import printable
from iss_agents.runtime.redaction import redacted
from iss_agents.runtime.sentry import start_sentry
from iss_agents.streaming.app import StreamingApp
from iss_agents.streaming.tables import NewestTable
from iss_agents.telemetry.topics import AGENTS_GROUP

logger = logging.getLogger(__name__)

SESSION_SECONDS = 10.0
"""Session timeout: after this Kafka reassigns the partitions of a silent worker. Faust's minute violates
NFR-002."""

HEARTBEAT_SECONDS = 3.0
"""How often a worker sends Kafka a heartbeat."""

REBALANCE_SECONDS = 35.0
"""Longer than an attempt to write (`clients.ANSWER_SECONDS`), which a rebalance waits for. After a restart
Kafka waits this long for members that have rejoined under new ids: a minute by Faust's default."""

COMMIT_SECONDS = 0.5
"""Batches finished since the last commit are repeated if a worker is killed. In a storm of kills at 1,000
readings/s these are 1 to 3 % of all deliveries, with a quarter of a second between commits and with a whole one
(tests/streaming/storm.py)."""

AGENTS = tuple(f"iss_agents.agents.{name}" for name in ("keep_last_seen", "watch_tank", "announce"))

BUFFERED_BATCHES = 16
"""Batches that wait for an agent at most; with `delivery.MAX_BATCH_RECORDS` this bounds the memory."""


class Application(StreamingApp):
    """The App of this project, with its startup order."""

    BootStrategy = Boot

    async def on_first_start(self) -> None:
        """Report unknown variables, check the settings, and create the folder that Faust expects."""
        for problem in unknown_variables():
            logger.warning("%s", problem)
        try:
            require_readers(self.settings)
            start_sentry(self.settings)
            make_home(self.settings)
            _require_usable_database(self.settings)
        except UserError as error:
            raise SystemExit(printable(redacted(f"iss-agents: {error}"))) from None
        collect_garbage_rarely()
        await super().on_first_start()


def create_app(settings: Settings) -> Application:
    """Return the App for these settings. Workers without the role `agents` do not join its consumer group.

    A worker with the Tables but without the agents would be assigned changelog partitions and lose their
    values.
    """
    app = Application(
        settings,
        AGENTS_GROUP,
        session_seconds=SESSION_SECONDS,
        heartbeat_seconds=HEARTBEAT_SECONDS,
        broker=[URL(f"kafka://{server}") for server in settings.brokers],
        broker_credentials=faust_credentials(settings),
        store="memory://",
        datadir=settings.home / "faust",
        logging_config=log_config(settings),
        worker_redirect_stdouts=False,
        # Modules, not packages: in a package Faust silently skips a module that fails to import. And without an
        # origin it would load the whole package that `-A` names.
        origin=__name__,
        autodiscover=AGENTS,
        Table=NewestTable,
        table_standby_replicas=0,
        topic_allow_declare=False,
        topic_disable_leader=True,
        stream_buffer_maxsize=BUFFERED_BATCHES,
        consumer_metadata_max_age_ms=METADATA_MS,
        broker_rebalance_timeout=REBALANCE_SECONDS,
        broker_commit_interval=COMMIT_SECONDS,
        **_web(settings),
    )
    app.producer_only = "agents" not in settings.roles
    return app


def _require_usable_database(settings: Settings) -> None:
    if settings.roles & {"archive", "web"}:
        from iss_agents.archive.mongo import require_usable  # noqa: PLC0415 - a role's code loads with the role

        require_usable(settings)


def _web(settings: Settings) -> dict[str, Any]:
    return {
        "web_enabled": "web" in settings.roles,
        "web_bind": settings.web_host,
        "web_host": f"[{settings.web_host}]" if ":" in settings.web_host else settings.web_host,
        "web_port": settings.web_port,
        "web_tables_enabled": False,
        "web_router_enabled": False,
        "web_metrics_enabled": False,
    }


app = create_app(current_settings())
