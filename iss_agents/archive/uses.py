"""The events of a span by day or hour, counted by the database."""

from datetime import datetime
from typing import Any, Literal, NamedTuple

from iss_agents.archive.database import Database, Document, away_if_it_fails
from iss_agents.archive.destinations import EVENTS


class Uses(NamedTuple):
    """The events that began in the day or hour at `start`, UTC. `percent`: by how much uses filled the tank."""

    start: datetime
    uses: int
    unobserved: int
    percent: float


async def count_uses(
    database: Database, within: Document, by: Literal["day", "hour"], milliseconds: int
) -> list[Uses]:
    """Return the days or hours with events that match `within`, oldest first.

    Raises:
        DatabaseAway: MongoDB did not answer within `milliseconds`.
    """
    with away_if_it_fails():
        found = database[EVENTS.collection].aggregate(_pipeline(within, by), maxTimeMS=milliseconds)
        return [Uses(start=document.pop("_id"), **document) for document in await found.to_list(None)]


def _pipeline(within: Document, by: str) -> list[dict[str, Any]]:
    is_use = {"$eq": ["$kind", "use"]}
    counted = {
        "uses": {"$sum": {"$cond": [is_use, 1, 0]}},
        "unobserved": {"$sum": {"$cond": [is_use, 0, 1]}},
        "percent": {"$sum": {"$cond": [is_use, "$delta_percent", 0]}},
    }
    return [
        {"$match": within},
        {"$group": {"_id": {"$dateTrunc": {"date": "$start", "unit": by}}, **counted}},
        {"$sort": {"_id": 1}},
    ]
