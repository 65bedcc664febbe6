"""Table `tweet_cooldowns`: until when no further post is made, and the event that began the cooldown."""

from iss_agents.announcers.decision import Cooldown
from iss_agents.application import app
from iss_agents.streaming.tables import newest_table
from iss_agents.telemetry.topics import TWEET_COOLDOWNS_CHANGELOG

# source of the event -> announcers.decision.Cooldown, and the version's "offset" in urination.events.v1 and
# "generation"
tweet_cooldowns = newest_table(
    app,
    "tweet_cooldowns",
    TWEET_COOLDOWNS_CHANGELOG,
    "Until when no further post is made, and the event that began the cooldown.",
    Cooldown,
)
