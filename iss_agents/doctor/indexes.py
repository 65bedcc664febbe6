"""The indexes of MongoDB, and after how many days it lets documents expire."""

from collections.abc import Mapping
from typing import Any

from iss_agents.archive.indexes import EXPIRIES, KEYS, lifetime
from iss_agents.doctor.database import asked
from iss_agents.doctor.findings import Finding, failing, ok, warning
from iss_agents.settings import Settings

DAY_SECONDS = 24 * 3600
MEND = "start, or restart, a worker with the role archive"


async def check(settings: Settings) -> list[Finding]:
    """Return which indexes are missing or expire documents at another age."""
    async with asked(settings) as database:
        names = {*KEYS, *EXPIRIES}
        found = {name: await database[name].index_information() for name in sorted(names)}
    wrong = [*_missing(found), *_expiring(settings, found)]
    return wrong or [ok("Every index is there, and documents expire as the settings say.")]


def _missing(found: Mapping[str, Mapping[str, Any]]) -> list[Finding]:
    return [
        failing(f"The collection {collection} has no index on {', '.join(fields)}: {MEND}.")
        for collection, wanted in KEYS.items()
        for fields in wanted
        if not _index_on(found[collection], fields)
    ]


def _expiring(settings: Settings, found: Mapping[str, Mapping[str, Any]]) -> list[Finding]:
    return [
        finding
        for collection, field in EXPIRIES.items()
        if (finding := _of_expiry(settings, collection, field, _index_on(found[collection], (field,))))
    ]


def _of_expiry(settings: Settings, collection: str, field: str, index: Any) -> Finding | None:
    variable, days = lifetime(settings, collection)
    if index is None:
        return failing(f"The collection {collection} has no index that lets {field} expire: {MEND}.")
    has = index.get("expireAfterSeconds")
    if has == (days * DAY_SECONDS or None):
        return None
    kept = "for ever" if has is None else f"for {has / DAY_SECONDS:g} days"
    return warning(f"The collection {collection} is kept {kept} and {variable} is {days}: {MEND}.")


def _index_on(indexes: Mapping[str, Any], fields: tuple[str, ...]) -> Any:
    keys = [(field, 1) for field in fields]
    return next((index for index in indexes.values() if list(index["key"]) == keys), None)
