"""A retention is lengthened by a worker that asks for more, and shortened by an explicit command alone."""

import asyncio
import json
import logging
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner, Result

from iss_agents.archive import retention
from iss_agents.archive.mongo import Database
from iss_agents.archive.retention import FOR_EVER, kept_since
from iss_agents.cli.main import commands
from iss_agents.config.settings import Settings
from iss_agents.telemetry.station_clock import EPOCH
from tests.archive.kafka import running
from tests.waiting import until

EXPIRING = {
    "readings": "ingest_ts",
    "invalid": "seen_at",
    "summaries": "summarised_at",
    "days": "summarised_at",
    "packed_hours": "hour",
}


def asking(settings: Settings, readings: int, summaries: int) -> Settings:
    asked = {"retention_days": readings, "summary_days": summaries, "history_days": summaries}
    return settings.model_copy(update=asked)


async def days_in_force(database: Database) -> dict[str, float | None]:
    """Return the days of every expiry, by collection, from the indexes themselves."""
    found: dict[str, float | None] = {}
    for name in ("readings", "gaps", "events", "posts", "invalid", "summaries", "days", "packed_hours"):
        indexes = (await database[name].index_information()).values()
        seconds = [index["expireAfterSeconds"] for index in indexes if "expireAfterSeconds" in index]
        assert len(seconds) <= 1
        found[name] = seconds[0] / 86400 if seconds else None
    return found


async def fill(database: Database) -> datetime:
    """Store a document of each collection that came in a year ago; return when."""
    then = datetime.now(UTC).replace(microsecond=0) - timedelta(days=365)
    for name, field in EXPIRING.items():
        await database[name].insert_one({"_id": "old", field: then})
    return then


@pytest.mark.parametrize(
    ("before", "asked", "after"),
    [
        ((0, 0), (30, 3650), (None, None)),
        ((0, 90), (30, 0), (None, None)),
        ((90, 3650), (30, 365), (90, 3650)),
        ((90, 3650), (1, 3651), (90, 3651)),
        ((30, 365), (90, 3650), (90, 3650)),
        ((30, 365), (0, 0), (None, None)),
        ((30, 365), (30, 365), (30, 365)),
    ],
)
async def test_a_worker_lengthens_a_retention_and_never_shortens_one(
    database: Database,
    settings: Settings,
    before: tuple[int, int],
    asked: tuple[int, int],
    after: tuple[float | None, float | None],
) -> None:
    await retention.prepare(database, asking(settings, *before))
    found = await retention.prepare(database, asking(settings, *asked))
    again = await retention.prepare(database, asking(settings, *asked))

    in_force = await days_in_force(database)
    assert in_force == {
        "readings": after[0],
        "invalid": after[0],
        "summaries": after[1],
        "days": after[1],
        "packed_hours": after[1],
        "gaps": None,
        "events": None,
        "posts": None,
    }
    assert found == again
    assert {each.collection: retention.in_days(each.in_force) for each in found} == {
        name: in_force[name] for name in EXPIRING
    }


async def test_documents_without_an_index_to_expire_them_are_kept(
    database: Database, settings: Settings
) -> None:
    await fill(database)
    found = await retention.prepare(database, asking(settings, 30, 30))

    assert {each.in_force for each in found} == {FOR_EVER}
    assert all(each.is_indexed and each.would_shorten for each in found)


async def test_hours_that_wait_for_their_summary_do_not_hinder_the_expiry_of_a_new_database(
    database: Database, settings: Settings
) -> None:
    await database.summaries.insert_one({"_id": "A|2026-11-24T02", "stale": True, "marks": 1})
    await retention.prepare(database, asking(settings, 30, 3650))

    assert (await days_in_force(database))["summaries"] == 3650


async def test_a_worker_that_asks_for_less_says_what_is_in_force_and_what_changes_it(
    settings: Settings, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    await retention.prepare(database, settings)
    await fill(database)
    caplog.set_level(logging.INFO, "iss_agents")
    async with running(asking(settings, 30, 3650)):
        await until(lambda: "asks for" in caplog.text)

    [warning] = [one for one in caplog.records if "asks for" in one.message]
    assert warning.levelname == "WARNING"
    assert warning.message == (
        "MongoDB keeps readings for ever and ISS_RETENTION_DAYS asks for 30 days; "
        "MongoDB keeps invalid for ever and ISS_RETENTION_DAYS asks for 30 days; "
        "MongoDB keeps summaries for ever and ISS_SUMMARY_DAYS asks for 3650 days; "
        "MongoDB keeps days for ever and ISS_SUMMARY_DAYS asks for 3650 days; "
        "MongoDB keeps packed_hours for ever and ISS_HISTORY_DAYS asks for 3650 days: "
        "nothing more is deleted until you run `iss-agents retention --apply`"
    )
    kept = "readings for ever, invalid for ever, summaries for ever, days for ever, packed_hours for ever"
    assert f"MongoDB keeps {kept}" in caplog.text
    assert set((await days_in_force(database)).values()) == {None}


async def test_what_may_have_expired_follows_from_the_database_and_not_from_the_settings(
    database: Database, settings: Settings
) -> None:
    now = datetime.now(UTC)
    unprepared = await kept_since(database, now)
    await retention.prepare(database, asking(settings, 7, 0))
    week = await kept_since(database, now)
    await retention.prepare(database, asking(settings, 0, 0))

    assert [unprepared, week, await kept_since(database, now)] == [EPOCH, now - timedelta(days=7), EPOCH]


async def invoke(settings: Settings, *arguments: str, readings: int = 30, summaries: int = 3650) -> Result:
    environment = {
        "ISS_MONGO_URL": settings.mongo_url.get_secret_value(),
        "ISS_MONGO_DATABASE": settings.mongo_database,
        "ISS_RETENTION_DAYS": f"{readings}",
        "ISS_SUMMARY_DAYS": f"{summaries}",
        "ISS_HISTORY_DAYS": f"{summaries}",
    }
    return await asyncio.to_thread(CliRunner(env=environment).invoke, commands, ["retention", *arguments])


async def test_the_command_shows_what_is_in_force_what_is_asked_for_and_what_would_go(
    settings: Settings, database: Database
) -> None:
    await retention.prepare(database, asking(settings, 0, 3650))
    await fill(database)

    shown, as_json = await invoke(settings), await invoke(settings, "--json")

    assert [line.split() for line in shown.stdout.splitlines()] == [
        ["in", "force", "asked", "for", "documents", "older"],
        ["readings", "for", "ever", "for", "30", "days", "1"],
        ["invalid", "for", "ever", "for", "30", "days", "1"],
        ["summaries", "for", "3650", "days", "for", "3650", "days", "0"],
        ["days", "for", "3650", "days", "for", "3650", "days", "0"],
        ["packed_hours", "for", "3650", "days", "for", "3650", "days", "0"],
    ]
    assert json.loads(as_json.stdout)["readings"] == {
        "in_force_days": None,
        "asked_days": 30,
        "older_documents": 1,
    }
    assert (await days_in_force(database))["readings"] is None


async def test_only_the_command_shortens_a_retention_and_asks_before(
    settings: Settings, database: Database
) -> None:
    await retention.prepare(database, asking(settings, 90, 0))
    await fill(database)
    unconfirmed = await invoke(settings, "--apply")
    before = await days_in_force(database)
    confirmed = await invoke(settings, "--apply", "--yes")

    assert (unconfirmed.exit_code, str(unconfirmed.exception)) == (
        1,
        "This deletes 2 documents, and others as they expire: add --yes to confirm.",
    )
    assert (before["readings"], before["summaries"]) == (90, None)
    assert confirmed.exit_code == 0
    after = await days_in_force(database)
    assert (after["readings"], after["invalid"], after["summaries"]) == (30, 30, 3650)


async def test_what_deletes_nothing_is_not_asked(settings: Settings, database: Database) -> None:
    await retention.prepare(database, asking(settings, 7, 365))
    done = await invoke(settings, "--apply", readings=0, summaries=3650)

    assert done.exit_code == 0
    after = await days_in_force(database)
    assert (after["readings"], after["summaries"]) == (None, 3650)
