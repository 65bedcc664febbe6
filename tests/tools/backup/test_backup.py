"""A backup is whole or not there, and what it restores is what was there."""

import asyncio
import fcntl
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from pydantic import SecretStr

from iss_agents.archive.mongo import Database
from iss_agents.archive.retention import prepare
from iss_agents.cli.main import commands
from iss_agents.cli.resumable_file import part_of
from iss_agents.config.settings import Settings
from iss_agents.errors import UserError
from iss_agents.tools.backup.backup import backup
from iss_agents.tools.backup.file_format import COLLECTIONS, opened
from iss_agents.tools.backup.restore import restore
from tests.tools.backup.contents import READINGS, contents, fill

AWAY = {"mongo_url": SecretStr("mongodb://127.0.0.1:1/?directConnection=true")}
GAPS = ("ended", "open", "missing")
COUNTS = {
    "readings": READINGS + 2,
    "gaps": 2,
    "events": 1,
    "posts": 1,
    "invalid": 2,
    "packed_hours": 1,
    "summaries": 2,
}
IN_FILE = {**COUNTS, "readings": READINGS + 1}
"""One of the readings is packed, and needs no document in the file."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "iss.backup"


def left_beside(file: Path) -> dict[str, int]:
    """Return the name and size of everything in the folder of the file."""
    return {path.name: path.stat().st_size for path in file.parent.iterdir()}


def put(file: Path, content: bytes) -> None:
    file.write_bytes(content)


def cut_off(file: Path) -> None:
    put(file, file.read_bytes()[:-1])


async def test_every_document_comes_back_byte_by_byte(
    settings: Settings, elsewhere: Settings, database: Database, restored: Database, file: Path
) -> None:
    await fill(database)

    made = await backup(settings, file, force=False)
    result = await restore(elsewhere, file)

    before = await contents(database)
    assert all(before[name] for name in COLLECTIONS)
    assert await contents(restored) == before
    assert (made.documents, result.restored) == (IN_FILE, COUNTS)
    assert left_beside(file) == {file.name: made.size}


async def test_missing_indexes_are_made(
    settings: Settings, elsewhere: Settings, database: Database, restored: Database, file: Path
) -> None:
    await backup(settings, file, force=False)
    await restore(elsewhere, file)

    await prepare(database, settings)
    for name in COLLECTIONS:
        assert (await restored[name].index_information()) == await database[name].index_information()


async def test_a_second_restore_keeps_everything_as_it_is(
    settings: Settings, elsewhere: Settings, database: Database, restored: Database, file: Path
) -> None:
    await fill(database)
    await backup(settings, file, force=False)
    await restore(elsewhere, file)
    before = await contents(restored)

    result = await restore(elsewhere, file)

    assert (result.restored.total(), result.kept, result.refused.total()) == (0, COUNTS, 0)
    assert await contents(restored) == before


async def test_two_restores_at_once_store_each_document_once(
    settings: Settings, elsewhere: Settings, database: Database, restored: Database, file: Path
) -> None:
    await fill(database)
    await backup(settings, file, force=False)

    first, second = await asyncio.gather(restore(elsewhere, file), restore(elsewhere, file))

    assert first.restored + second.restored == COUNTS
    assert await contents(restored) == await contents(database)


async def test_newer_documents_stay_and_an_open_gap_gets_its_end(
    settings: Settings, elsewhere: Settings, database: Database, restored: Database, file: Path
) -> None:
    await database.posts.insert_many([{"_id": "a", "text": "old"}, {"_id": "b", "text": "lost"}])
    await database.gaps.insert_many([{"_id": name, "end": 1 if name == "ended" else None} for name in GAPS])
    await backup(settings, file, force=False)
    await restored.posts.insert_many([{"_id": "a", "text": "new"}, {"_id": "c", "text": "newer"}])
    await restored.gaps.insert_many([{"_id": "ended", "end": None}, {"_id": "open", "end": 2}])

    result = await restore(elsewhere, file)

    posts = [(post["_id"], post["text"]) async for post in restored.posts.find({}).sort("_id", 1)]
    gaps = {gap["_id"]: gap["end"] async for gap in restored.gaps.find({})}
    assert posts == [("a", "new"), ("b", "lost"), ("c", "newer")]
    assert gaps == {"ended": 1, "open": 2, "missing": None}
    assert (result.restored["posts"], result.kept["posts"]) == (1, 1)
    assert (result.restored["gaps"], result.kept["gaps"]) == (2, 1)


async def test_an_end_that_is_known_is_not_replaced(
    settings: Settings, elsewhere: Settings, database: Database, restored: Database, file: Path
) -> None:
    await database.gaps.insert_one({"_id": "gap", "end": 1})
    await backup(settings, file, force=False)
    await restored.gaps.insert_one({"_id": "gap", "end": 2})

    result = await restore(elsewhere, file)

    assert await restored.gaps.find_one({}) == {"_id": "gap", "end": 2}
    assert (result.restored["gaps"], result.kept["gaps"]) == (0, 1)


async def test_of_a_damaged_file_nothing_is_stored(
    settings: Settings, elsewhere: Settings, database: Database, restored: Database, file: Path
) -> None:
    await fill(database)
    await backup(settings, file, force=False)
    cut_off(file)

    with pytest.raises(UserError, match=r"iss\.backup is damaged or incomplete: use another backup\."):
        await restore(elsewhere, file)

    assert await restored.list_collection_names() == []


async def test_an_existing_file_is_replaced_only_by_force(
    settings: Settings, database: Database, file: Path
) -> None:
    put(file, b"precious")
    with pytest.raises(UserError, match=r"iss\.backup is there already"):
        await backup(settings, file, force=False)
    assert left_beside(file) == {file.name: len(b"precious")}

    await fill(database)
    await backup(settings, file, force=True)

    with opened(file) as (reader, _):
        assert sum(1 for _ in reader.records()) == sum(IN_FILE.values())


async def test_without_the_database_no_file_is_made_or_replaced(settings: Settings, file: Path) -> None:
    put(file, b"precious")
    with pytest.raises(UserError, match="MongoDB does not answer; start it or correct ISS_MONGO_URL"):
        await backup(settings.model_copy(update=AWAY), file, force=True)

    assert left_beside(file) == {file.name: len(b"precious")}


async def test_a_restore_without_the_database_says_so(settings: Settings, file: Path) -> None:
    await backup(settings, file, force=False)

    with pytest.raises(UserError, match="MongoDB does not answer; start it or correct ISS_MONGO_URL"):
        await restore(settings.model_copy(update=AWAY), file)


async def test_a_file_is_made_by_one_at_a_time(settings: Settings, file: Path) -> None:
    with part_of(file).open("ab") as part:
        fcntl.flock(part, fcntl.LOCK_EX)
        with pytest.raises(UserError, match="Another iss-agents is writing"):
            await backup(settings, file, force=False)


async def test_what_a_killed_one_left_is_no_hindrance(
    settings: Settings, elsewhere: Settings, file: Path
) -> None:
    put(part_of(file), b"half of something")

    await backup(settings, file, force=False)

    assert (await restore(elsewhere, file)).restored.total() == 0


async def test_a_place_that_cannot_be_written_is_named(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"Cannot write .*/none/iss\.backup\.part \(No such file or directory\)"
    ):
        await backup(settings, tmp_path / "none" / "iss.backup", force=False)


def invoke(settings: Settings, *arguments: str | Path) -> Result:
    environment = {
        "ISS_MONGO_URL": settings.mongo_url.get_secret_value(),
        "ISS_MONGO_DATABASE": settings.mongo_database,
        "ISS_RETENTION_DAYS": "0",
        "ISS_SUMMARY_DAYS": "0",
    }
    return CliRunner(env=environment).invoke(commands, [*map(str, arguments)], catch_exceptions=False)


async def test_the_commands_count_what_they_did(
    settings: Settings, elsewhere: Settings, database: Database, file: Path
) -> None:
    await fill(database)

    made = await asyncio.to_thread(invoke, settings, "backup", file, "--json")
    plain = await asyncio.to_thread(invoke, elsewhere, "restore", file)
    again = await asyncio.to_thread(invoke, elsewhere, "restore", file, "--json")

    size = left_beside(file)[file.name]
    assert json.loads(made.stdout) == {"file": str(file), "bytes": size, "documents": IN_FILE}
    assert "readings            2,347            0            0" in plain.stdout
    answer = json.loads(again.stdout)
    assert (answer["kept"], sum(answer["restored"].values())) == (COUNTS, 0)
    assert (made.exit_code, plain.exit_code, again.exit_code) == (0, 0, 0)


async def test_a_terminal_shows_how_far_they_are(
    settings: Settings, elsewhere: Settings, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = await asyncio.to_thread(invoke, settings, "backup", file)
    # These make rich take anything for a terminal that moves its cursor.
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    made = await asyncio.to_thread(invoke, settings, "backup", file, "--force")
    done = await asyncio.to_thread(invoke, elsewhere, "restore", file)

    assert silent.stderr == ""
    assert "Writing" in made.stderr
    assert done.stderr.index("Checking the file") < done.stderr.index("Restoring")


async def test_what_the_database_refuses_is_said(
    settings: Settings, elsewhere: Settings, database: Database, restored: Database, file: Path
) -> None:
    await database.events.insert_many([{"_id": "good"}, {"_id": "bad"}])
    await backup(settings, file, force=False)
    await restored.create_collection("events", validator={"_id": {"$ne": "bad"}})

    done = await asyncio.to_thread(invoke, elsewhere, "restore", file, "--json")

    answer = json.loads(done.stdout)
    assert (done.exit_code, answer["restored"]["events"], answer["refused"]["events"]) == (1, 1, 1)
    assert done.stderr.startswith("events: MongoDB refused some, the first because of 121")
