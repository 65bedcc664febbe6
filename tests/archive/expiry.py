"""Expiry of readings in the database of one test; nothing expires in those of the others."""

from datetime import timedelta

from iss_agents.archive.mongo import Database


async def close(database: Database) -> None:
    """Close the connections, and drop the readings if they may expire.

    The embedded database expires documents once a minute. Until the next time it holds the page of its indexes
    from which it removed the last one, and another test that writes 1,800 documents there needs more than 10 s
    (measured with 0.7.0b3).
    """
    if any("expireAfterSeconds" in index for index in (await database.readings.index_information()).values()):
        await database.readings.drop()
    database.client.close()


async def let_readings_expire(database: Database, lifetime: timedelta) -> None:
    """Let readings, but nothing else, expire this long after they came in."""
    index = {"keyPattern": {"ingest_ts": 1}, "expireAfterSeconds": int(lifetime.total_seconds())}
    await database.command({"collMod": "readings", "index": index})
