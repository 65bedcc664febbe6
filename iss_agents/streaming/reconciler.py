"""Reconciler: the owner of a partition corrects what suspended workers have written into its changelog."""

import logging
from typing import TYPE_CHECKING, cast

from aiokafka import TopicPartition
from mode import Service

from iss_agents.errors import UserError
from iss_agents.kafka.reader import TopicReader, open_reader
from iss_agents.streaming.consumer import FlowStoppedError

if TYPE_CHECKING:
    from faust.tables.manager import TableManager

    from iss_agents.streaming.app import StreamingApp
    from iss_agents.streaming.tables import NewestTable

logger = logging.getLogger(__name__)

POLL_SECONDS = 1.0


class Reconciler(Service):
    """Asks Kafka once a second for the end offsets of this worker's changelog partitions.

    Records that this worker has not written are read and reconciled (`NewestTable.reconcile`); its own records,
    however many, are not read again.
    """

    def __init__(self, app: "StreamingApp") -> None:
        super().__init__()
        self._app = app

    @Service.task
    async def _watch(self) -> None:
        while not self.should_stop:
            try:
                async with open_reader(self._app.settings) as reader:
                    await self._poll(reader)
            except (UserError, FlowStoppedError) as error:
                logger.debug("The changelogs are checked again: %s", error)
                await self.sleep(POLL_SECONDS)

    async def _poll(self, reader: TopicReader) -> None:
        while not self.should_stop:
            await self.sleep(POLL_SECONDS)
            if self._app.has_tables:
                await self._check(reader)

    async def _check(self, reader: TopicReader) -> None:
        recovery = cast("TableManager", self._app.tables).recovery
        owned = {TopicPartition(*tp): recovery.tp_to_table[tp] for tp in recovery.active_tps}
        for tp, end in (await reader.end_offsets_of(owned)).items():
            table = cast("NewestTable", owned[tp])
            if table.is_behind(tp.partition, end):
                await table.reconcile(tp.partition, reader)
