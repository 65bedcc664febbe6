"""The newest reading of every item."""

from typing import cast

from iss_agents.application import app
from iss_agents.topics import LAST_SEEN_CHANGELOG
from tables.newest import NewestTable

# item id -> {"sequence", "event_ids": those seen at that sequence, "reading"}
last_seen = cast(
    "NewestTable",
    app.Table(
        "last_seen",
        partitions=LAST_SEEN_CHANGELOG.partitions,
        help="The newest reading of every item, and which readings of its instant have been seen.",
    ),
)
