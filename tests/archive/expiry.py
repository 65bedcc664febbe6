"""Expiry of documents in the database of one test; nothing expires in those of the others."""

from datetime import timedelta

from iss_agents.archive.mongo import Database

EXPIRING = ("readings", "packed_hours")


async def close(database: Database) -> None:
    """Close the connections, and drop the collections whose documents may expire.

    The embedded database expires documents once a minute. Until the next time it holds the page of its indexes
    from which it removed the last one, and another test that writes 1,800 documents there needs more than 10 s
    (measured with 0.7.0b3).
    """
    for name in EXPIRING:
        indexes = await database[name].index_information()
        if any("expireAfterSeconds" in index for index in indexes.values()):
            await database[name].drop()
    database.client.close()


async def let_readings_expire(database: Database, lifetime: timedelta) -> None:
    """Let readings expire this long after they came in."""
    await _let_expire(database, "readings", "ingest_ts", lifetime)


async def let_packed_hours_expire(database: Database, lifetime: timedelta) -> None:
    """Let packed hours expire this long after they began."""
    await _let_expire(database, "packed_hours", "hour", lifetime)


async def _let_expire(database: Database, collection: str, field: str, lifetime: timedelta) -> None:
    index = {"keyPattern": {field: 1}, "expireAfterSeconds": int(lifetime.total_seconds())}
    await database.command({"collMod": collection, "index": index})
