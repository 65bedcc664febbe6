"""Kafka topics, in the order of the data flow, and the partition of each item."""

from dataclasses import dataclass
from typing import Literal
from zlib import crc32

from iss_agents.telemetry.catalog import TANK_ITEMS

DAY_MS = 24 * 3600 * 1000
FOREVER = -1


@dataclass(frozen=True)
class Topic:
    """Declaration of a topic, to which the broker's topic must conform."""

    name: str
    partitions: int
    retention_ms: int = FOREVER
    cleanup_policy: Literal["delete", "compact"] = "delete"


AGENTS_GROUP = "iss-agents"
ARCHIVE_GROUP = "iss-archive"
"""Consumer groups of the agents and of the archive."""

RAW = Topic("telemetry.raw.v1", partitions=12, retention_ms=7 * DAY_MS)
INVALID = Topic("telemetry.invalid.v1", partitions=1, retention_ms=30 * DAY_MS)
GAPS = Topic("telemetry.gaps.v1", partitions=1, retention_ms=30 * DAY_MS)
WATER = Topic("water.readings.v1", partitions=1, retention_ms=7 * DAY_MS)
EVENTS = Topic("urination.events.v1", partitions=1, retention_ms=30 * DAY_MS)
DECISIONS = Topic("post.decisions.v1", partitions=1, retention_ms=30 * DAY_MS)
FEED_LEADER = Topic("feed.leader.v1", partitions=1, retention_ms=DAY_MS)

LAST_SEEN_CHANGELOG = Topic("iss-agents-last_seen-changelog", RAW.partitions, cleanup_policy="compact")
TANK_LEVELS_CHANGELOG = Topic("iss-agents-tank_levels-changelog", WATER.partitions, cleanup_policy="compact")
TWEET_COOLDOWNS_CHANGELOG = Topic("iss-agents-tweet_cooldowns-changelog", 1, cleanup_policy="compact")

TOPICS = (
    RAW,
    INVALID,
    GAPS,
    WATER,
    EVENTS,
    DECISIONS,
    FEED_LEADER,
    LAST_SEEN_CHANGELOG,
    TANK_LEVELS_CHANGELOG,
    TWEET_COOLDOWNS_CHANGELOG,
)


def partition_for(item_id: str) -> int:
    """Return the raw partition of an item, the same for every producer.

    The items of the urine tank share one, so that they keep the order of the feed, also in a replay.
    """
    key = "tank" if item_id in TANK_ITEMS else item_id
    return crc32(key.encode()) % RAW.partitions
