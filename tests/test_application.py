"""What is registered: a lost import would lose an agent without a word."""

from iss_agents.application import app
from iss_agents.topics import TOPICS


def test_every_agent_and_table_is_registered_and_their_changelogs_are_declared() -> None:
    app.finalize()
    app.discover()

    assert set(app.agents) == {"keep_last_seen", "watch_tank", "announce"}
    assert set(app.tables) == {"last_seen", "tank_levels", "tweet_cooldowns"}
    changelogs = {table.changelog_topic.get_topic_name(): table.partitions for table in app.tables.values()}
    assert changelogs.items() <= {topic.name: topic.partitions for topic in TOPICS}.items()
