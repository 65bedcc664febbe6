"""The bus against MongoDB: what lacks there, and what should not be there."""

from collections.abc import Sequence
from contextlib import suppress

from aiokafka import ConsumerRecord

from iss_agents.archive.database import Database, away_if_it_fails
from iss_agents.archive.destinations import DESTINATIONS, READINGS, Destination
from iss_agents.archive.intake import GROUP
from iss_agents.archive.places import Place
from iss_agents.archive.windows import Walk
from iss_agents.messages import CannotDecode
from iss_agents.verification.bus import Bus, Committed, Span
from iss_agents.verification.differences import Difference, Report

QUESTION_MS = 10_000
WANTED = 2_000
"""Readings in one window of time: some 3 MB."""

ASKED_AT_ONCE = 100
"""Ids in one question. The embedded database takes 25 ms for 100 and 2.5 s for 1,000 (measured)."""

KEPT_CHARACTERS = 32
"""Of an id of 64: 128 bits tell billions apart, at half the memory."""

Stored = set[str]
"""The beginnings of ids that MongoDB has; each is taken out as it is met on the bus."""


async def compare_archive(bus: Bus, database: Database, span: Span, report: Report) -> None:
    """Add to `report` what MongoDB lacks of the bus, for every collection, and which readings it has too many.

    Raises:
        DatabaseAway: MongoDB does not answer.
        KafkaError: Kafka does not.
    """
    # Asked in this order: what is committed must be stored, and what is stored must be on the bus.
    committed = await bus.committed(GROUP)
    stored = await _stored_readings(database, span)
    for row in DESTINATIONS.values():
        async for records in bus.records(row.topic, span):
            await _compare(database, row, records, committed, stored, report)
    report.differences |= {Difference("unexpected", READINGS.collection, name) for name in stored}


async def _stored_readings(database: Database, span: Span) -> Stored:
    # By time: questions by id cost the database a hundred times as much.
    walk = Walk(database[READINGS.collection], [], span.end, "ingest_ts")
    windows = walk.windows(Place(span.start), wanted=WANTED)
    return {document["_id"][:KEPT_CHARACTERS] async for window in windows for document in window.documents}


async def _compare(
    database: Database,
    row: Destination,
    records: Sequence[ConsumerRecord],
    committed: Committed,
    stored: Stored,
    report: Report,
) -> None:
    due = [record for record in records if committed.holds(record)]
    names = _names(row, due)
    report.underway[row.collection] += len(records) - len(due)
    report.checked[row.collection] += len(names)
    # Not so if it was met before, or came in twice and was stored as of the other time.
    unmet = [name for name in names if row is not READINGS or name[:KEPT_CHARACTERS] not in stored]
    for begin in range(0, len(unmet), ASKED_AT_ONCE):
        part = unmet[begin : begin + ASKED_AT_ONCE]
        found = await _found(database, row.collection, part)
        report.differences |= {Difference("missing", row.collection, name) for name in set(part) - found}
    if row is READINGS:
        on_bus = names if len(due) == len(records) else _names(row, records)
        stored.difference_update(name[:KEPT_CHARACTERS] for name in on_bus)


def _names(row: Destination, records: Sequence[ConsumerRecord]) -> list[str]:
    """Return the ids under which the archive stores these records; what it refuses, it stores elsewhere."""
    names: dict[str, None] = {}
    for record in records:
        with suppress(CannotDecode):
            names[row.document(record)["_id"]] = None
    return list(names)


async def _found(database: Database, collection: str, names: Sequence[str]) -> set[str]:
    question = database[collection].find({"_id": {"$in": list(names)}}, {"_id": 1}).max_time_ms(QUESTION_MS)
    with away_if_it_fails():
        return {document["_id"] for document in await question.to_list(None)}
