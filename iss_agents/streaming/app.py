"""Faust App that delivers batches to its agents, with the settings, health and services that they share."""

from typing import Any, cast

import faust
from mode.types import ServiceT

from iss_agents.config.settings import Settings
from iss_agents.kafka.offset_resets import OffsetResets
from iss_agents.runtime.health import Health
from iss_agents.streaming.consumer import BatchConsumer, Transport
from iss_agents.streaming.outputs import Outputs
from iss_agents.streaming.worker import Worker
from iss_agents.watchdogs.suspension import SuspensionFence


class StreamingApp(faust.App):
    """A Faust App with the settings and the health of its worker, and the services that its agents share."""

    def __init__(
        self,
        settings: Settings,
        group: str,
        *,
        session_seconds: float,
        heartbeat_seconds: float,
        **options: Any,
    ) -> None:
        super().__init__(
            group,
            Worker=Worker,
            broker_session_timeout=session_seconds,
            broker_heartbeat_interval=heartbeat_seconds,
            **options,
        )
        self.settings = settings
        self.health = Health()
        # A session expires this long after the last heartbeat, which may be old when the process is suspended.
        self.fence = SuspensionFence(session_seconds - heartbeat_seconds)
        self.outputs = Outputs(settings, self.pause, self.fence.check)
        self.resets = OffsetResets(self.health, "agents offsets")
        self.stopped_first: list[ServiceT] = []
        """Services that stop before all others, in this order: what they hold cannot be fetched again."""
        # The public setter: the only way to give Faust a consumer.
        self.transport = Transport(self.conf.broker_consumer, self)

    @property
    def batch_consumer(self) -> BatchConsumer:
        """The consumer of the agents."""
        return cast("BatchConsumer", self.consumer)

    @property
    def has_tables(self) -> bool:
        """Whether the Tables of this worker's partitions have been restored."""
        # Between its start and its first rebalance Faust neither rebalances nor recovers, but has no Table yet.
        return self.rebalancing_count > 0 and not (self.rebalancing or self.in_recovery)

    async def pause(self, seconds: float) -> None:
        """Sleep while processing a batch; raises FlowStoppedError at a rebalance."""
        await self.batch_consumer.sleep_while_flowing(seconds)
        self.fence.check()
