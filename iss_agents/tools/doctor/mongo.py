"""MongoDB checks: connection, version, indexes and retention."""

from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from iss_agents.archive.destinations import READINGS
from iss_agents.archive.indexes import missing, obsolete
from iss_agents.archive.mongo import Database, DatabaseUnavailableError, Document, connect, mongo_errors
from iss_agents.archive.retention import APPLY, FOR_EVER, Retention, in_words, retentions
from iss_agents.archive.text_ids import OVERLAP, text_ids_until
from iss_agents.config.settings import Settings
from iss_agents.errors import UserError
from iss_agents.tools.doctor.compatible import addresses, recognised
from iss_agents.tools.doctor.findings import Finding, NotCheckedError, failing, ok, warning

LEAST_VERSION = (5, 0)
"""The first that knows `$dateTrunc`, which the archive's README uses."""

MEND = "start, or restart, a worker with the role archive"


async def check_server(settings: Settings) -> list[Finding]:
    """Return whether MongoDB can be used with these settings."""
    try:
        async with _connected(settings) as database:
            hello = await database.command("hello")
            built = await database.client.admin.command("buildInfo")
    except (DatabaseUnavailableError, UserError) as error:
        return [failing(f"{str(error).rstrip('.')}.")]
    return [_of_version(built, hello), *_of_another_make(built, hello, settings)]


def _of_version(built: Document, hello: Document) -> Finding:
    if tuple(built["versionArray"][:2]) < LEAST_VERSION:
        return failing(f"MongoDB is {built['version']} and must be 5.0 or newer: upgrade it.")
    # A mongos has no name of a set, and only sets behind it.
    if "setName" not in hello and hello.get("msg") != "isdbgrid":
        return warning(
            f"MongoDB {built['version']} is no replica set, so that the driver repeats no write which "
            "breaks off: start it with --replSet and call rs.initiate(), with one member too."
        )
    return ok(f"MongoDB {built['version']} answers and is a replica set.")


def _of_another_make(built: Document, hello: Document, settings: Settings) -> list[Finding]:
    server = recognised(built, hello, addresses(settings.mongo_url.get_secret_value()))
    if server is None:
        return []
    return [ok(server.sentence) if server.embedded else warning(server.sentence)]


@asynccontextmanager
async def asked(settings: Settings) -> AsyncIterator[Database]:
    """Yield the database during the block.

    Raises:
        NotCheckedError: it does not answer.
    """
    try:
        async with _connected(settings) as database:
            yield database
    except (DatabaseUnavailableError, UserError) as error:
        raise NotCheckedError("MongoDB did not answer") from error


@asynccontextmanager
async def _connected(settings: Settings) -> AsyncIterator[Database]:
    database = connect(settings)
    try:
        with mongo_errors():
            yield database
    finally:
        database.client.close()


async def check_indexes(settings: Settings) -> list[Finding]:
    """Return which indexes are missing, and which retention differs from the settings."""
    async with asked(settings) as database:
        absent, surplus = await missing(database), await obsolete(database)
        in_force = await retentions(database, settings)
        text_ids = await text_ids_until(database)
    wrong = [failing(f"MongoDB has no index of {each}: {MEND}.") for each in absent]
    wrong += [
        warning(f"MongoDB still has the index of {each}, which is not needed: {MEND}.") for each in surplus
    ]
    wrong += _differing(in_force)
    kept = ", ".join(f"{each.collection} {in_words(each.in_force)}" for each in in_force)
    found = wrong or [ok(f"Every index is there. MongoDB keeps {kept}, as the settings say.")]
    return found + list(_of_text_ids(text_ids, in_force, datetime.now(UTC)))


def _of_text_ids(until: datetime | None, in_force: Iterable[Retention], now: datetime) -> Iterator[Finding]:
    """Yield what there is to say of readings with text ids, if any are left."""
    if until is None:
        return
    [lifetime] = [each.in_force for each in in_force if each.collection == READINGS.collection]
    met = f"{until - OVERLAP:%Y-%m-%d %H:%M}"
    larger = f"Readings that an earlier version stored, before {met} UTC, keep their larger ids"
    if lifetime == FOR_EVER:
        yield ok(f"{larger}, for ever like all readings.")
    elif now < until + lifetime:
        yield ok(f"{larger}; the last of them expires by {until + lifetime:%Y-%m-%d}.")


def _differing(in_force: Iterable[Retention]) -> list[Finding]:
    return [_of_retention(each) for each in in_force if each.asked != each.in_force or not each.is_indexed]


def _of_retention(retention: Retention) -> Finding:
    if not retention.is_indexed:
        return failing(f"MongoDB has no index of {retention.collection} on {retention.field}: {MEND}.")
    if retention.would_shorten:
        remedy = f"run {APPLY}, which deletes what is older, or correct {retention.variable}"
        return warning(f"{retention.difference}: {remedy}.")
    return warning(f"{retention.difference}: {MEND}.")
