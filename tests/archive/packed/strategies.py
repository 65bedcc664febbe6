"""Readings of an hour as a test may think of them: as the archive stores them, and as somebody edits them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import bson
from bson.codec_options import CodecOptions
from bson.int64 import Int64
from hypothesis import strategies as st

from iss_agents.archive.mongo import Document
from iss_agents.telemetry.records import Source
from tests.archive.packed.stored import stored
from tests.factories import reading_of

HOUR = datetime(2026, 8, 11, 12, 0, tzinfo=UTC)
ITEM = "NODE3000004"

AWARE: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True)


def as_stored(document: Document) -> Document:
    """Return a document as the database returns it."""
    stored: Document = bson.decode(bson.encode(document), AWARE)
    return stored


texts = st.text(max_size=12)
times = st.integers(0, 3_599_999).map(lambda count: HOUR + timedelta(milliseconds=count))
"""Times of the hour."""

statuses = st.none() | st.sampled_from(["24", "", "16"]) | texts
values = st.sampled_from(["16.00", "16", "-0", "1e999", "", "\x00", "🚀", "NaN", "٣"]) | texts


def readings_from(*sources: Source) -> st.SearchStrategy[Document]:
    """Return readings as the archive stores them."""
    return st.builds(
        lambda source_ts, value, offset, **fields: as_stored(
            stored(reading_of(ITEM, value, source_ts, **fields), offset)
        ),
        times,
        values,
        st.integers(0, 1 << 53),
        ingest_ts=st.integers(0, 10**12).map(lambda count: HOUR + timedelta(milliseconds=count - 10**9)),
        source=st.sampled_from(sources),
        status_class=statuses,
        status_indicator=statuses,
        status_color=statuses,
        calibrated_data=statuses,
        snapshot=st.booleans(),
        session=st.integers(0, (1 << 53) - 1),
        suspect=st.sampled_from([None, "frozen", "zero_burst"]),
    )


stored_readings = readings_from("isslive", "simulated", "test")

scalars = st.booleans() | st.integers(-(1 << 63), (1 << 63) - 1) | st.floats(allow_nan=False) | texts


anything = st.recursive(
    st.none() | scalars | st.binary(max_size=8) | times | st.just(Int64(5)),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=2),
    max_leaves=3,
)
FIELDS = ("value", "number", "state", "name", "source", "snapshot", "suspect", "sequence", "ingest_ts", "unit")

edits = st.tuples(
    st.dictionaries(st.sampled_from([*FIELDS, "status_class", "new", "session"]), anything, max_size=3),
    st.sets(st.sampled_from([*FIELDS, "offset"])),
)
"""Fields that are set, and those that are deleted."""


def edited(document: Document, edit: tuple[Document, set[str]]) -> Document:
    """Return a document that somebody has edited, as the database returns it."""
    changes, absent = edit
    return as_stored({name: value for name, value in (document | changes).items() if name not in absent})


edited_readings = st.builds(edited, stored_readings, edits)
