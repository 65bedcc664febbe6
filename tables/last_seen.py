"""Table `last_seen`: the newest reading of every series, which is an item, or `test|` and an item."""

import msgspec

from iss_agents.application import app
from iss_agents.streaming.tables import newest_table
from iss_agents.telemetry.records import Reading, Sequence
from iss_agents.telemetry.topics import LAST_SEEN_CHANGELOG


class Seen(msgspec.Struct):
    """The fields of a value besides its version."""

    sequence: Sequence
    event_ids: list[str]
    reading: Reading


# series -> {"sequence", "event_ids": those seen at that sequence, "reading", and the version's "offset" in
# telemetry.raw.v1 and "generation"}
last_seen = newest_table(
    app,
    "last_seen",
    LAST_SEEN_CHANGELOG,
    "The newest reading of every item, test readings apart, and which readings of its instant have been seen.",
    Seen,
)
