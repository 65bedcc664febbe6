"""Progress of the agents, for the health and the watchdog: restored Tables, read positions, pending writes."""

from collections.abc import Collection
from typing import TYPE_CHECKING, cast

from aiokafka import TopicPartition
from mode import Service

from iss_agents.kafka.offset_resets import OffsetResets
from iss_agents.kafka.offsets import PartitionPositions
from iss_agents.kafka.seen_records import SeenRecords
from iss_agents.streaming.app import StreamingApp
from iss_agents.telemetry.topics import EVENTS, RAW, WATER
from iss_agents.watchdogs.stalls import ANNOUNCE_THRESHOLDS, THRESHOLDS, Stalls, StallThresholds

if TYPE_CHECKING:
    from faust.tables.manager import TableManager

POLL_SECONDS = 1.0

LONGEST_WAIT_SECONDS = 5.0
"""Kafka acknowledges within milliseconds, unless a partition has no leader or too few replicas."""

READ_BY_AGENTS = (RAW, WATER, EVENTS)
NAMES = {topic.name for topic in READ_BY_AGENTS}


class Progress(Service):
    """Reports once a second, so that nothing is counted per message."""

    topics = READ_BY_AGENTS

    def __init__(self, app: StreamingApp) -> None:
        super().__init__()
        self._app = app
        self.group = app.conf.id

    @property
    def seen(self) -> SeenRecords:
        """The records by which the consumer recognises its logs."""
        return self._app.batch_consumer.seen

    @property
    def resets(self) -> OffsetResets:
        """The offset resets of the agents."""
        return self._app.resets

    def owned(self) -> Collection[TopicPartition]:
        """Return the partitions that the agents of this worker read."""
        if not self.started:
            return ()
        partitions = self._app.consumer.assignment()
        return [TopicPartition(tp.topic, tp.partition) for tp in partitions if tp.topic in NAMES]

    def read_again(self, partitions: Collection[TopicPartition]) -> None:
        """Read these partitions from their beginning."""
        self._app.batch_consumer.read_again(partitions)

    def stalls(self, positions: PartitionPositions) -> Stalls:
        """Return what may be stalled, for the watchdog."""
        if not self.started:
            return self._boot_stalls()
        if not self._app.has_tables:
            return {f"the agents wait for their Tables ({self._restored()} changes read)": THRESHOLDS}
        failures = f"{self._app.outputs.failures} attempts to write failed"
        return {
            f"{tp.topic} {tp.partition} stays at {position.next_offset} ({failures})": _thresholds_of(tp)
            for tp, position in positions.items()
            if position.lag
        }

    def _boot_stalls(self) -> Stalls:
        kafka = self._app.health.parts.get("kafka")
        if kafka and not kafka.ok:
            return {}  # for example a topic that only a person can correct
        return {f"the agents do not start ({self._restored()} changes read)": THRESHOLDS}

    def _restored(self) -> int:
        # Faust has no offset of a changelog until it has asked where its records begin.
        offsets = cast("TableManager", self._app.tables).recovery.active_offsets
        return sum(offset or 0 for offset in offsets.values())

    @Service.task
    async def _report(self) -> None:
        while not self.should_stop:
            self._report_health()
            await self.sleep(POLL_SECONDS)

    def _report_health(self) -> None:
        health = self._app.health
        wait = self._app.outputs.longest_wait()
        if problems := self._app.outputs.problems:
            health.down("agents", " ".join(sorted(problems.values())))
        elif wait and wait.seconds > LONGEST_WAIT_SECONDS:
            health.down(
                "agents", f"Kafka has not acknowledged records of {wait.topic} for {wait.seconds:.0f} s"
            )
        elif self._app.has_tables:
            health.up("agents", f"{len(self.owned())} partitions assigned")
        else:
            health.down("agents", "the Tables are being restored from their changelogs")


def _thresholds_of(tp: TopicPartition) -> StallThresholds:
    return ANNOUNCE_THRESHOLDS if tp.topic == EVENTS.name else THRESHOLDS
