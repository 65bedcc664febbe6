"""How much a restore holds in memory."""

import bson
from bson.raw_bson import RawBSONDocument

from iss_agents.backup.form import Record
from iss_agents.backup.restore import MOST_BYTES, MOST_DOCUMENTS, batches


def records(collection: str, count: int, size: int = 0) -> list[Record]:
    return [Record(collection, RawBSONDocument(bson.encode({"bytes": bytes(size)}))) for _ in range(count)]


def sizes(given: list[Record]) -> list[tuple[str, int]]:
    return [(collection, len(documents)) for collection, documents in batches(given)]


def test_a_batch_is_of_one_collection_and_of_so_many_documents() -> None:
    given = [*records("a", 2 * MOST_DOCUMENTS + 1), *records("b", MOST_DOCUMENTS), *records("c", 1)]

    assert sizes(given) == [
        ("a", MOST_DOCUMENTS),
        ("a", MOST_DOCUMENTS),
        ("a", 1),
        ("b", MOST_DOCUMENTS),
        ("c", 1),
    ]


def test_large_documents_are_fewer_at_once() -> None:
    assert sizes(records("a", 10, MOST_BYTES // 3)) == [("a", 3), ("a", 3), ("a", 3), ("a", 1)]
    assert sizes(records("a", 2, 2 * MOST_BYTES)) == [("a", 1), ("a", 1)]
