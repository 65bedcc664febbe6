"""Servers that only speak MongoDB's protocol, by answers that they give.

The answers are the parts that tell them from MongoDB. FerretDB 1: from its source, `msg_buildinfo.go`.
FerretDB 2: as `msg_serverstatus.go` has it. DocumentDB: from its gateway's source and its issue 672. Hosted
services answer as MongoDB does; MongoDB's own drivers, too, know them by the names of their hosts.
"""

from typing import Any

import pytest

from iss_agents.config.settings import Settings
from iss_agents.tools.doctor import mongo
from iss_agents.tools.doctor.compatible import DIFFERENCES, addresses, recognised
from iss_agents.tools.doctor.mongo import check_server

MONGODB: dict[str, Any] = {"version": "8.0.15", "versionArray": [8, 0, 15, 0], "modules": [], "ok": 1.0}
MEMBER: dict[str, Any] = {"setName": "rs0", "isWritablePrimary": True, "hosts": ["mongo:27017"], "ok": 1.0}

FERRETDB_1 = {
    "version": "7.0.42",
    "versionArray": [7, 0, 42, 0],
    "ferretdbVersion": "v1.24.2",
    "ferretdbFeatures": {"aggregationStages": ["$match"]},
    "ok": 1.0,
}
FERRETDB_2 = {
    "version": "7.0.77",
    "versionArray": [7, 0, 77, 0],
    "ferretdb": {"version": "v2.7.0", "package": "docker", "documentdb": "0.107.0"},
    "ok": 1.0,
}
DOCUMENTDB = MEMBER | {"internal": {"documentdb_versions": ["0.117-0", "0.117.0"], "kind": ""}}
COSMOS_CLUSTER = MEMBER | {"internal": {"cosmos_versions": ["1.23-0"], "kind": ""}}
AMAZON = MEMBER | {"hosts": ["docdb-1.cvyo280.eu-west-2.docdb.amazonaws.com:27017"]}


@pytest.mark.parametrize(
    ("build", "hello", "url", "name"),
    [
        (FERRETDB_1, MEMBER, "mongodb://db/", "FerretDB v1.24.2"),
        (FERRETDB_2, MEMBER, "mongodb://db/", "FerretDB v2.7.0"),
        (MONGODB, DOCUMENTDB, "mongodb://db/", "DocumentDB 0.117-0, 0.117.0"),
        (MONGODB, COSMOS_CLUSTER, "mongodb://db/", "Azure Cosmos DB (vCore) 1.23-0"),
        (MONGODB, AMAZON, "mongodb://10.0.0.7:27017/", "Amazon DocumentDB, "),
        (
            MONGODB,
            MEMBER,
            "mongodb://u:p%40x@a.docdb-elastic.amazonaws.com:27017/?tls=true",
            "Amazon DocumentDB (e",
        ),
        (MONGODB, MEMBER, "mongodb+srv://u:p@C.mongocluster.COSMOS.azure.com", "Azure Cosmos DB, "),
        (MONGODB, MEMBER, "mongodb://c.mongo.cosmos.azure.com:10255,other:1/?ssl=true", "Azure Cosmos DB, "),
    ],
)
def test_each_is_named_with_what_may_differ_there(
    build: dict[str, Any], hello: dict[str, Any], url: str, name: str
) -> None:
    server = recognised(build, hello, addresses(url))

    assert server
    assert server.sentence.startswith(f"This is not MongoDB but {name}")
    assert DIFFERENCES in server.sentence


@pytest.mark.parametrize("key", ["`$dateTrunc`", "`collMod`", "`$min`", "transactions"])
def test_the_differences_are_named(key: str) -> None:
    assert key in DIFFERENCES


@pytest.mark.parametrize(
    "url",
    [
        "mongodb://mongo/?authSource=iss",
        "mongodb+srv://u:p@cluster0.mongodb.net/iss",
        "mongodb://docdb.amazonaws.com.example.org:27017",
        "mongodb://[::1]:27017/",
        "mongodb://x.docdb.amazonaws.com@mongo/",
    ],
)
def test_mongodb_is_nothing_else(url: str) -> None:
    assert recognised(MONGODB, MEMBER | {"internal": None}, addresses(url)) is None


async def test_a_version_that_is_too_old_is_named_too(monkeypatch: pytest.MonkeyPatch, mongo_url: str) -> None:
    monkeypatch.setattr(mongo, "LEAST_VERSION", (99, 0))

    findings = await check_server(Settings.model_validate({"mongo_url": mongo_url}))

    assert [finding.level for finding in findings] == ["failing", "ok"]


async def test_the_embedded_database_names_itself_and_is_no_cause_for_a_warning(mongo_url: str) -> None:
    findings = await check_server(Settings.model_validate({"mongo_url": mongo_url}))

    assert [finding.level for finding in findings] == ["ok", "ok"]
    assert findings[1].sentence.startswith("SecantusDB 0.7")
