"""Described items: item documents with what each is in plain words.

Streams leave this out, because it never changes.
"""

from collections.abc import Sequence
from functools import cache

import msgspec
from typing_extensions import TypedDict

from iss_agents.telemetry import catalog
from iss_agents.telemetry.catalog import Item
from iss_agents.telemetry.records import Reading
from web.current.item_documents import ItemDocument, encoded_items, item_document
from web.current.snapshot import Now


class Description(TypedDict):
    """What an item is."""

    plain_name: str
    """What someone might call it who does not know its official name."""
    synonyms: list[str]
    """Other words that a search finds it by, in lower case."""
    description: str
    """What it is, in one sentence."""
    description_source: str
    """What the sentence is based on; empty if only on the official name."""


class DescribedItemDocument(ItemDocument, Description):
    """An item of the catalogue, its newest trusted reading and what it is."""


def described_item(item: Item, reading: Reading | None, now: Now) -> DescribedItemDocument:
    """Return what a client reads of an item."""
    return {**item_document(item, reading, now), **_description(item)}


def described_items(now: Now, items: Sequence[Item]) -> list[msgspec.Raw]:
    """Return the JSON of the items' documents."""
    encoded = zip(encoded_items(now, items), items, strict=True)
    return [msgspec.Raw(bytes(document)[:-1] + _encoded(item.item_id)) for document, item in encoded]


@cache
def _encoded(item_id: str) -> bytes:
    return b"," + msgspec.json.encode(_description(catalog.items()[item_id]))[1:]


def _description(item: Item) -> Description:
    return {
        "plain_name": item.plain_name,
        "synonyms": list(item.synonyms),
        "description": item.description,
        "description_source": item.description_source,
    }
