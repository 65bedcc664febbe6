"""Servers that speak MongoDB's protocol but are not MongoDB: how to recognise them, and what may differ."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

DIFFERENCES = (
    "a retention that is changed later (`collMod` by key pattern), and in queries of your own `$dateTrunc` "
    "by the day, `$min` of values that are not numbers, and transactions"
)
"""What such servers answer differently, or refuse; of these, workers use the first only."""

HOSTED = {
    ".docdb-elastic.amazonaws.com": "Amazon DocumentDB (elastic cluster), which has no `$dateTrunc`",
    ".docdb.amazonaws.com": "Amazon DocumentDB, which has `$dateTrunc` from its version 8.0 only",
    ".cosmos.azure.com": "Azure Cosmos DB, which throttles and keeps a transaction within one collection",
}
"""Suffixes of host names; these answer `hello` and `buildInfo` as MongoDB does."""


class Compatible(NamedTuple):
    """Such a server. `embedded`: it is the one of the local stack, which the tests of this project use."""

    name: str
    embedded: bool = False

    @property
    def sentence(self) -> str:
        """What an operator should know of it."""
        if self.embedded:
            return f"{self.name} speaks MongoDB's protocol: it is for demo and tests."
        return (
            f"This is not MongoDB but {self.name}; iss-agents was never tested with it. "
            f"Try what may differ before you rely on it: {DIFFERENCES}."
        )


def addresses(url: str) -> list[str]:
    """Return each `host:port`, or host, that a MongoDB address names."""
    hosts = url.partition("://")[2].rpartition("@")[2]
    return re.split(r"[/?]", hosts, maxsplit=1)[0].split(",")


def recognised(build: Mapping[str, Any], hello: Mapping[str, Any], named: Iterable[str]) -> Compatible | None:
    """Return which server answers so to `buildInfo` and `hello` at the addresses `named`; None for MongoDB."""
    if version := build.get("secantusVersion"):
        return Compatible(f"SecantusDB {version}", embedded=True)
    # Version 1 has the name with a suffix, version 2 a document.
    if version := build.get("ferretdbVersion") or _within(build, "ferretdb").get("version"):
        return Compatible(f"FerretDB {version}")
    return _of_microsoft(_within(hello, "internal")) or _hosted([*named, *hello.get("hosts", ())])


def _of_microsoft(internal: Mapping[str, Any]) -> Compatible | None:
    # Older clusters name themselves after Cosmos DB, of which DocumentDB was a part.
    for key, name in (("documentdb_versions", "DocumentDB"), ("cosmos_versions", "Azure Cosmos DB (vCore)")):
        if versions := internal.get(key):
            return Compatible(f"{name} {', '.join(map(str, versions))}")
    return None


def _hosted(named: Iterable[str]) -> Compatible | None:
    hosts = [address.partition(":")[0].lower() for address in named]
    names = [name for suffix, name in HOSTED.items() if any(host.endswith(suffix) for host in hosts)]
    return Compatible(names[0]) if names else None


def _within(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = document.get(key)
    return value if isinstance(value, Mapping) else {}
