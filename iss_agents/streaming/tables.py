"""Tables that never go back to older values; Kafka has each change before its source record is acknowledged."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from time import time
from typing import Any, NoReturn, cast

import faust
import msgspec
from aiokafka import ConsumerRecord, TopicPartition
from faust.types import TP, EventT

from iss_agents.kafka.reader import TopicReader
from iss_agents.runtime.metrics import TABLE_REWRITES
from iss_agents.streaming.app import StreamingApp
from iss_agents.streaming.compaction import compact
from iss_agents.streaming.outputs import Output
from iss_agents.telemetry.ordering import version_of
from iss_agents.telemetry.records import decoder, encode
from iss_agents.telemetry.topics import Topic

logger = logging.getLogger(__name__)

decode_key = decoder(str)
decode_value: Any = decoder(dict[str, Any])


@dataclass
class Changelog:
    """State of one changelog partition.

    `end` is the offset after the last record that was read or written here. `keys` are those of all records,
    `outdated` those whose last record is older than the Table's value, or missing. `lock` excludes writes.
    """

    end: int = 0
    keys: set[str] = field(default_factory=set)
    outdated: set[str] = field(default_factory=set)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def go_back(self, offset: int) -> None:
        """Note that the log ends, is written or is read again, at an offset: later records may be lost.

        The topic was recreated, or the end of its log was lost. Keys that are only read again are outdated
        until then.
        """
        if offset < self.end:
            self.outdated |= self.keys
            self.end = offset


class NewestTable(faust.Table[Any, Any]):
    """A Table whose value of a key is the one with the greatest version, in memory and last in its changelog.

    A worker that was suspended (a zombie) may write after its successor: what it had handed to its producer, or
    to the kernel, is sent whatever it checks now. Then the older value is the last one of its key, which
    compaction keeps. So the owner of a partition watches for records that it has not written, and rewrites its
    own value after an older one (`Reconciler`). A worker that restores the Table before that reads both
    records, which compaction spares for `COMPACTION_LAG_MS`, and rewrites the newer one itself.

    A value is rewritten only after one with a smaller version. So this ends, even while two workers consider
    themselves the owner, with the greatest version that any of them holds as the last record.

    The fencing that Kafka offers is a producer with a transactional id per partition. For twelve partitions it
    took nine times the processor time and nine times as long (measured), and Faust's recovery would wait
    forever for the control record at the end of a changelog.
    """

    topic: Topic
    """The changelog topic."""

    shape: Any = dict
    """The type of every value. Values of another type, written by other programs, are ignored."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._changelogs: defaultdict[int, Changelog] = defaultdict(Changelog)

    async def write(self, values: Mapping[str, Mapping[str, Any]], after: ConsumerRecord) -> None:
        """Set `values` (key -> value), which include everything up to the record `after` of the source topic.

        Kafka has acknowledged all of them, in one batch, before any is in the Table. Faust's `table[key] =
        value` does not wait, and costs 80 us each, for a future, four encodings and a send.

        Raises:
            FlowStoppedError: a rebalance began while Kafka is unreachable; Kafka may have some of the values.
        """
        if values:
            async with self._changelogs[after.partition].lock:
                versioned = {key: self._versioned(key, value, after.offset) for key, value in values.items()}
                await self._send(after.partition, versioned)

    def on_key_set(self, key: Any, value: Any) -> NoReturn:  # noqa: ARG002 - Faust's signature
        """Reject `table[key] = value`: its source record would be acknowledged before Kafka has the change."""
        raise TypeError(f"{self.name}[{key!r}] cannot be set without waiting for Kafka: use `write`")

    def restore(self, changes: Sequence[ConsumerRecord]) -> None:
        """Restore changes of one partition, ignoring records older than the present values.

        Faust's recovery takes 80 us a change, for a message, an event, tasks and decoding (measured).
        """
        for change in compact(changes):
            self._read(change)

    def apply_changelog_batch(self, batch: Iterable[EventT[Any]]) -> None:
        """Restore what Faust's own consumer delivers; `Delivery` restores whole fetches."""
        self.restore([cast("Any", event.message) for event in batch])

    async def on_recovery_completed(self, active_tps: set[TP], standby_tps: set[TP]) -> None:  # noqa: ARG002
        """Keep all values. Faust forgets those of partitions that it does not count as active.

        It counts none of a changelog that is being recreated, and nobody else has the values then. What another
        worker writes meanwhile is newer, and wins when the partition comes back.
        """
        await self.call_recover_callbacks()

    def is_behind(self, partition: int, end: int) -> bool:
        """Return whether a changelog that ends at `end` may need to be reconciled."""
        changelog = self._changelogs[partition]
        return end != changelog.end or bool(changelog.outdated)

    async def reconcile(self, partition: int, reader: TopicReader) -> None:
        """Read what others have written, and rewrite values that are newer here."""
        changelog = self._changelogs[partition]
        here = TopicPartition(self.topic.name, partition)
        async with changelog.lock:
            end = (await reader.end_offsets_of([here]))[here]
            changelog.go_back(end)
            async for records in reader.between({here: changelog.end}, {here: end}):
                for record in records:
                    self._read(record)
            changelog.end = end
            await self._rewrite(partition, changelog)

    def _versioned(self, key: str, value: Mapping[str, Any], offset: int) -> dict[str, Any]:
        held = version_of(self.data.get(key))
        return {**value, "offset": offset, "generation": held.generation + (offset < held.offset)}

    async def _rewrite(self, partition: int, changelog: Changelog) -> None:
        values = {key: self.data[key] for key in changelog.outdated if key in self.data}
        if values:
            logger.warning(
                "%s: rewriting %d values that are newer than the last ones in the changelog",
                *(self.name, len(values)),
            )
            TABLE_REWRITES.labels(self.name).inc(len(values))
            await self._send(partition, values)
        changelog.outdated &= self.data.keys()

    async def _send(self, partition: int, values: Mapping[str, Any]) -> None:
        now = int(time() * 1000)
        changes = [Output(encode(key), encode(value), now) for key, value in values.items()]
        written = await cast("StreamingApp", self.app).outputs.send(self.topic, partition, changes)
        changelog = self._changelogs[partition]
        changelog.go_back(written.start)
        if written == range(changelog.end, changelog.end + len(changes)):
            changelog.end = written.stop  # otherwise others have written: `end` stays before theirs
        changelog.keys.update(values)
        changelog.outdated.difference_update(values)
        self.data.update(values)

    def _read(self, record: ConsumerRecord) -> None:
        try:
            key = decode_key(record.key or b"")
            value = None if record.value is None else decode_value(record.value)
        except msgspec.DecodeError:
            return
        if self._is_newer(record.partition, record.offset, key, value):
            if value is None:
                self.data.pop(key, None)
            else:
                self.data[key] = value

    def _is_newer(self, partition: int, offset: int, key: str, value: Any) -> bool:
        changelog = self._changelogs[partition]
        changelog.go_back(offset)
        changelog.end = offset + 1
        changelog.keys.add(key)
        try:
            if value is not None:
                msgspec.convert(value, self.shape)
            is_older = version_of(value) < version_of(self.data.get(key))
        except msgspec.ValidationError as error:
            logger.warning("%s: changelog record %d:%d is not a value: %s", self.name, partition, offset, error)
            return False
        if value is not None and is_older:
            changelog.outdated.add(key)
            return False
        changelog.outdated.discard(key)
        return True


def newest_table(app: faust.App, name: str, changelog: Topic, about: str, shape: Any) -> NewestTable:
    """Return the Table of this name with values of type `shape`; `about` is its line in `faust tables`."""
    table = cast("NewestTable", app.Table(name, partitions=changelog.partitions, help=about))
    table.topic = changelog
    table.shape = shape
    return table
