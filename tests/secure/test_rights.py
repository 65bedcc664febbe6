"""The least rights on Kafka are the same in the test that proves them, the README and the compose file."""

import re
from pathlib import Path

from iss_agents.feed.leader_election import group_of
from iss_agents.telemetry.shards import WHOLE, Shard
from iss_agents.telemetry.topics import AGENTS_GROUP, ARCHIVE_GROUP, TOPICS
from tests.secure import rights

ROOT = Path(__file__).parent.parent.parent


def test_they_cover_every_topic_and_group_and_nothing_else() -> None:
    topics = {topic.name: [each for each in rights.TOPICS if topic.name.startswith(each)] for topic in TOPICS}
    groups = {AGENTS_GROUP, ARCHIVE_GROUP, group_of(WHOLE), group_of(Shard(2, 3))}

    assert all(topics.values())
    assert {prefix for found in topics.values() for prefix in found} == set(rights.TOPICS)
    assert all(group.startswith(rights.GROUPS) for group in groups)


def test_the_readme_lists_them() -> None:
    rows = dict(
        re.findall(
            r"^\| (topics|groups) \| (.*?) \|", (ROOT / "docker" / "README.md").read_text(), re.MULTILINE
        )
    )

    assert tuple(re.findall("`(.*?)`", rows["topics"])) == rights.TOPICS
    assert tuple(re.findall("`(.*?)`", rows["groups"])) == rights.GROUPS


def test_the_compose_file_gives_them() -> None:
    script = (ROOT / "docker/redpanda/rights.sh").read_text()
    [topics] = re.findall(r"for topics in (.*); do", script)

    assert tuple(topics.split()) == rights.TOPICS
    assert re.findall(r"--group (\S+)", script) == list(rights.GROUPS)
    assert re.findall(r"--operation (\S+)", script) == ["read,write,describe,describe_configs", "read,describe"]
