"""Storage of a collection as MongoDB lays it out in WiredTiger: a table of documents, and one for each index.

MongoDB compresses with zstd (readings) and snappy (the rest). The library that SecantusDB contains has neither,
but zlib and LZ4, which are near to them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import bson
from wiredtiger import stat, wiredtiger_open
from wiredtiger.intpacking import pack_int

from iss_agents.archive.indexes import EXPIRIES, KEYS
from tests.tools.bench.disk.key_string import key_string, record_id
from tests.tools.bench.disk.server import Server

CONNECTION = (
    "create,cache_size={cache}KB,statistics=(fast),eviction=(threads_min=4,threads_max=4),"
    "log=(enabled,remove,compressor=lz4),{engine}"
)
DOCUMENTS = (
    "key_format=u,value_format=u,memory_page_max=10m,split_pct=90,leaf_value_max=64MB,"
    "block_compressor={compressor},log=(enabled={is_logged})"
)
INDEX = (
    "key_format=u,value_format=u,internal_page_max=16k,leaf_page_max=16k,prefix_compression=true,"
    "log=(enabled=false),{index}"
)
"""As mongod 8.0 configures them. In a replica set only the oplog is logged: all else follows from it."""

ALLOCATION = 4096
"""Bytes of which blocks are a multiple."""

Document = Mapping[str, Any]
Fields = tuple[str, ...]
Pair = tuple[bytes, bytes]


class Table:
    """A table of a collection."""

    def __init__(self, session: Any, name: str, config: str) -> None:
        self._session, self._uri = session, f"table:{name}"
        session.create(self._uri, config)
        self._writer = session.open_cursor(self._uri)
        self._remover = session.open_cursor(self._uri, None, "overwrite=false")

    def put(self, key: bytes, value: bytes) -> None:
        cursor = self._writer
        cursor._set_key(key)
        cursor._set_value(value)
        cursor.insert()

    def remove(self, key: bytes) -> None:
        """Remove an entry; raises WiredTigerError if it is not there."""
        cursor = self._remover
        cursor._set_key(key)
        if cursor.remove():
            raise KeyError(key)

    def load(self, pairs: Iterable[Pair]) -> None:
        """Fill the empty table with sorted entries."""
        self._writer.close()
        self._remover.close()
        loader = self._session.open_cursor(self._uri, None, "bulk")
        set_key, set_value, insert = loader._set_key, loader._set_value, loader.insert
        for key, value in pairs:
            set_key(key)
            set_value(value)
            insert()
        loader.close()
        self._writer = self._session.open_cursor(self._uri)
        self._remover = self._session.open_cursor(self._uri, None, "overwrite=false")

    def size(self) -> int:
        """Return the bytes of the file."""
        return _statistics(self._session, f"statistics:{self._uri}", stat.dsrc.block_size)[0]

    def entries(self) -> int:
        return sum(1 for _ in self._session.open_cursor(self._uri))

    def written(self) -> int:
        """Return about how many bytes were written; a page that is not compressed fills up its last block."""
        counts = stat.dsrc.cache_write, stat.dsrc.cache_bytes_write
        pages, size = _statistics(self._session, f"statistics:{self._uri}", *counts)
        fits = size <= pages * ALLOCATION
        return pages * ALLOCATION if fits else size + pages * ALLOCATION // 2


class Collection:
    """A collection in a WiredTiger of its own, so that what is written for it can be told from all else."""

    def __init__(
        self,
        folder: Path,
        server: Server,
        indexes: Sequence[Fields],
        cache: float,
        compressor: str = "lz4",
        *,
        is_logged: bool = False,
    ) -> None:
        folder.mkdir()
        self._connection = wiredtiger_open(
            str(folder), CONNECTION.format(cache=int(cache * 1024), engine=server.engine_config)
        )
        self._session = self._connection.open_session()
        config = DOCUMENTS.format(compressor=compressor, is_logged=str(is_logged).lower())
        self.documents = Table(self._session, "documents", config)
        index = INDEX.format(index=server.index_config)
        self.ids = Table(self._session, "_id", index)
        self.indexes = {fields: Table(self._session, "+".join(fields), index) for fields in indexes}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def tables(self) -> list[Table]:
        return [self.documents, self.ids, *self.indexes.values()]

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self._session.begin_transaction()
        yield
        self._session.commit_transaction()

    def insert(self, documents: Mapping[int, Document]) -> None:
        """Insert documents, record number -> document, in one transaction."""
        with self.transaction():
            for record, document in documents.items():
                self.documents.put(pack_int(record), bson.encode(document))
                self.ids.put(key_string([document["_id"]]), record_id(record))
                for fields, table in self.indexes.items():
                    table.put(index_key(document, fields, record), b"")

    def remove(self, record: int, document: Document, *, other_than: Fields) -> None:
        """Remove a document and its entries in all indexes but one."""
        self.documents.remove(pack_int(record))
        self.ids.remove(key_string([document["_id"]]))
        for fields, table in self.indexes.items():
            if fields != other_than:
                table.remove(index_key(document, fields, record))

    def replace(self, record: int, old: Document, new: Document) -> None:
        """Replace a document; entries of indexes that stay the same are left alone."""
        with self.transaction():
            self.documents.put(pack_int(record), bson.encode(new))
            for fields, table in self.indexes.items():
                before, after = (index_key(each, fields, record) for each in (old, new))
                if before != after:
                    table.remove(before)
                    table.put(after, b"")

    def append(self, records: Mapping[int, bytes]) -> None:
        """Append records, and write the journal as for an acknowledged batch, but do not wait for the disk."""
        with self.transaction():
            for number, record in records.items():
                self.documents.put(pack_int(number), record)
        self._session.log_flush("sync=off")

    def checkpoint(self) -> None:
        self._session.checkpoint()

    def written(self) -> int:
        """Return the bytes of blocks that were written, without the journal."""
        return _statistics(self._session, "statistics:", stat.conn.block_byte_write)[0]

    def journal(self) -> int:
        """Return the bytes of the journal that were written."""
        return _statistics(self._session, "statistics:", stat.conn.log_bytes_written)[0]


def indexes_of(collection: str) -> list[Fields]:
    """Return the fields of each index of a collection beside that of `_id`."""
    return [*KEYS[collection], (EXPIRIES[collection],)]


def index_key(document: Document, fields: Fields, record: int) -> bytes:
    return key_string(map(document.get, fields)) + record_id(record)


def _statistics(session: Any, uri: str, *keys: int) -> list[int]:
    cursor = session.open_cursor(uri, None, None)
    figures = [int(cursor[key][2]) for key in keys]
    cursor.close()
    return figures
