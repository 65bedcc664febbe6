"""Until when no further post is made, and which event began the cooldown."""

from iss_agents.application import app
from iss_agents.topics import TWEET_COOLDOWNS_CHANGELOG

# source of the event -> announcers.decision.Cooldown: {"sequence", "event_id", "until"}
tweet_cooldowns = app.Table(
    "tweet_cooldowns",
    partitions=TWEET_COOLDOWNS_CHANGELOG.partitions,
    help="Until when no further post is made, and the event that began the cooldown.",
)
