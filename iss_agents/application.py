"""The Faust App, and the picture of everything around it.

push.lightstreamer.com
  |  feed/ (or `iss-agents simulate`)      what does not validate -> telemetry.invalid.v1
  v                                        what is missing        -> telemetry.gaps.v1
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
Every topic is in topics.py.
"""

import logging
from typing import Any, cast

import faust
from yarl import URL

from iss_agents.boot import Boot
from iss_agents.errors import UserError
from iss_agents.kafka_access import faust_credentials
from iss_agents.log import log_config
from iss_agents.outputs import Outputs
from iss_agents.parts import Parts
from iss_agents.sentry import start_sentry
from iss_agents.settings import Settings, current_settings, make_home, require_readers, unknown_variables
from iss_agents.standstill import Standstill
from iss_agents.transport.consumer import ListConsumer
from iss_agents.transport.transport import Transport
from iss_agents.worker import Worker
from tables.newest import NewestTable

logger = logging.getLogger(__name__)

SESSION_SECONDS = 10.0
"""Kafka gives the partitions of a silent worker away after this; Faust's own minute is far beyond NFR-002."""

REBALANCE_SECONDS = 35.0
"""Longer than an attempt to write (producers.ANSWER_SECONDS), which a rebalance waits for. A Kafka that was
killed waits as long for members that it remembers and that have joined anew: a minute by Faust's default."""

COMMIT_SECONDS = 0.25
"""What a worker has finished since its last commit is repeated if it is killed. In a storm of kills at 1,000
readings/s 1 to 3 % of all deliveries, and 3 % with a second between commits (tests/transport/storm.py)."""

GROUP = "iss-agents"
AGENTS = tuple(f"iss_agents.agents.{name}" for name in ("keep_last_seen", "watch_tank", "announce"))

BUFFERED_LISTS = 16
"""Lists that wait for an agent at most; with `transport.LONGEST_LIST` it bounds the memory."""


class Application(faust.App):
    """A Faust App that knows the parts of its worker."""

    BootStrategy = Boot

    parts: Parts
    outputs: Outputs
    guard: Standstill

    @property
    def lists(self) -> ListConsumer:
        """The consumer that delivers lists."""
        return cast("ListConsumer", self.consumer)

    async def pause(self, seconds: float) -> None:
        """Wait in the midst of a list; raises FlowStopped when partitions move meanwhile."""
        await self.lists.sleep_while_flowing(seconds)

    async def on_first_start(self) -> None:
        """Say which variables are no settings, require the others, and make the folder that Faust expects."""
        for sentence in unknown_variables():
            logger.warning("%s", sentence)
        try:
            require_readers(self.parts.settings)
            start_sentry(self.parts.settings)
            make_home(self.parts.settings)
            _require_usable_database(self.parts.settings)
        except UserError as error:
            raise SystemExit(f"iss-agents: {error}") from None
        await super().on_first_start()


def create_app(settings: Settings) -> Application:
    """Return the App for these settings. Workers without the role `agents` stay out of its consumer group.

    A worker with the Tables but without the agents would take changelog partitions away and lose their values.
    """
    app = Application(
        GROUP,
        broker=[URL(f"kafka://{server}") for server in settings.brokers],
        broker_credentials=faust_credentials(settings),
        store="memory://",
        datadir=settings.home / "faust",
        logging_config=log_config(settings),
        worker_redirect_stdouts=False,
        # Modules, not packages: in a package Faust skips a module that does not import, and says nothing.
        autodiscover=AGENTS,
        Table=NewestTable,
        Worker=Worker,
        table_standby_replicas=0,
        topic_allow_declare=False,
        topic_disable_leader=True,
        stream_buffer_maxsize=BUFFERED_LISTS,
        consumer_auto_offset_reset="earliest",
        broker_session_timeout=SESSION_SECONDS,
        broker_heartbeat_interval=3.0,
        broker_rebalance_timeout=REBALANCE_SECONDS,
        broker_commit_interval=COMMIT_SECONDS,
        producer_linger=0.02,
        producer_max_batch_size=262_144,
        **_web(settings),
    )
    app.parts = Parts(settings)
    app.outputs = Outputs(settings, app.pause)
    app.guard = Standstill(SESSION_SECONDS)
    app.producer_only = "agents" not in settings.roles
    # The public setter: Faust has no other way to be given a consumer.
    app.transport = Transport(app.conf.broker_consumer, app)
    return app


def _require_usable_database(settings: Settings) -> None:
    if settings.roles & {"archive", "web"}:
        from iss_agents.archive.database import require_usable  # noqa: PLC0415 - a role's code loads with the role

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
