"""What is registered: a lost import would lose an agent without a word."""

import subprocess
import sys

import pytest

from iss_agents.application import app, create_app
from iss_agents.config.settings import load_settings
from iss_agents.telemetry.topics import TOPICS


def test_every_agent_and_table_is_registered_and_their_changelogs_are_declared() -> None:
    app.finalize()
    app.discover()

    assert set(app.agents) == {"keep_last_seen", "watch_tank", "announce"}
    assert set(app.tables) == {"last_seen", "tank_levels", "tweet_cooldowns"}
    changelogs = {table.changelog_topic.get_topic_name(): table.partitions for table in app.tables.values()}
    assert changelogs.items() <= {topic.name: topic.partitions for topic in TOPICS}.items()


async def test_a_worker_that_others_reach_ends_with_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISS_WEB_HOST", "0.0.0.0")
    with pytest.raises(SystemExit, match=r"^iss-agents: others can reach .* ISS_PUBLIC=true .* ISS_READ_TOKEN"):
        await create_app(load_settings()).on_first_start()


def test_an_address_of_ipv6_is_bound_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISS_WEB_HOST", "::1")
    conf = create_app(load_settings()).conf

    assert (conf.web_bind, str(conf.canonical_url)) == ("::1", "http://[::1]:8000")


def test_a_worker_loads_only_what_it_uses() -> None:
    loading = "import sys; from faust.cli.base import find_app; find_app('iss_agents'); print(*sys.modules)"

    ran = subprocess.run([sys.executable, "-c", loading], capture_output=True, text=True, check=True)

    loaded = set(ran.stdout.split())
    assert "iss_agents.agents.announce" in loaded
    assert not loaded & {"tweepy", "requests", "iss_agents.tools", "iss_agents.simulator", "iss_agents.archive"}
