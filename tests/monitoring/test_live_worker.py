"""A worker ends, comes back without a role and half of the feed, and cannot post: Prometheus notices."""

import os
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from iss_agents.simulator.station import Station
from tests.announcers.fake_x import FakeX, refusing
from tests.monitoring.prometheus import Prometheus, watching
from tests.pipeline.bot import CABIN, X_KEYS, shows
from tests.pipeline.tank_story import lately, use_before_loss
from tests.pipeline.worker import START_SECONDS, Worker, running
from tests.waiting import until

pytestmark = pytest.mark.long

OF_WORKERS = {
    "WorkerDown",
    "WorkerRestarts",
    "RoleMissing",
    "FeedShardMissing",
    "DiskNearlyFull",
    "PostsFailing",
}
ALONE = {"ISS_KAFKA_URL": "127.0.0.1:1", "ISS_MONGO_URL": "mongodb://127.0.0.1:1/", "ISS_FEED": "off"}


async def test_a_worker_that_cannot_post_ends_lacks_a_role_and_starts_again_and_again_is_noticed(
    environment: dict[str, str], station: Station, fake_x: FakeX, tmp_path: Path
) -> None:
    addresses = {"ISS_FEED_URL": station.url, "ISS_X_URL": fake_x.url, "ISS_SOURCE": "isslive"}
    station.publish(CABIN, "745.2")
    async with (
        running(tmp_path / "home", **environment | X_KEYS | addresses) as worker,
        watching(worker, tmp_path / "prometheus") as prometheus,
    ):
        await until(worker.healthy, START_SECONDS)
        await until(partial(shows, worker, CABIN, "745.2"), START_SECONDS)
        await until(partial(are_over, prometheus, OF_WORKERS))

        fake_x.answers.append(refusing(403, "You are not permitted to perform this action."))
        for measurement in use_before_loss(lately()):
            station.publish(*measurement)
        await until(partial(prometheus.raises, "PostsFailing"))
        await until(partial(are_over, prometheus, {"WorkerDown", "RoleMissing"}))
        kill(worker)
        await until(partial(prometheus.raises, "WorkerDown"))
        await start_again(worker, prometheus, 1)
        await until(partial(only_the_archive_is_missing, prometheus), START_SECONDS)
        await until(partial(only_the_second_shard_is_missing, prometheus), START_SECONDS)
        for count in (2, 3):
            assert not await prometheus.raises("WorkerRestarts")
            kill(worker)
            await start_again(worker, prometheus, count)
        await until(partial(prometheus.raises, "WorkerRestarts"))


@pytest.fixture
def small_home(tmp_path: Path) -> Iterator[Path]:
    """A folder on a file system of its own, of 16 MiB; making it needs root, or sudo without a password."""
    home = tmp_path / "small"
    home.mkdir()
    as_root = [] if os.geteuid() == 0 else ["sudo", "--non-interactive"]
    subprocess.run([*as_root, "mount", "-t", "tmpfs", "-o", "size=16m,mode=777", "none", home], check=True)
    yield home
    subprocess.run([*as_root, "umount", "--lazy", home], check=True)


async def test_a_disk_that_is_nearly_full_is_noticed(small_home: Path, tmp_path: Path) -> None:
    async with (
        running(small_home, **ALONE) as worker,
        watching(worker, tmp_path / "prometheus") as prometheus,
    ):
        await until(partial(prometheus.query, "iss_home_free_bytes / iss_home_size_bytes > 0.5"))
        assert not await prometheus.raises("DiskNearlyFull")
        (small_home / "ballast").write_bytes(bytes(15 << 20))
        await until(partial(prometheus.raises, "DiskNearlyFull"))


async def are_over(prometheus: Prometheus, alerts: set[str]) -> bool:
    return not alerts & await prometheus.active()


async def only_the_archive_is_missing(prometheus: Prometheus) -> bool:
    missing = (await prometheus.rules())["RoleMissing"]["alerts"]
    return [alert["labels"]["group"] for alert in missing] == ["iss-archive"]


async def only_the_second_shard_is_missing(prometheus: Prometheus) -> bool:
    missing = (await prometheus.rules())["FeedShardMissing"]["alerts"]
    return [alert["labels"].get("shard") for alert in missing] == ["2/2"]


async def start_again(worker: Worker, prometheus: Prometheus, count: int) -> None:
    """Start a worker without the archive and half of the feed.

    Returns when Prometheus knows that it started `count` times again.
    """
    worker.start(ISS_ROLES="feed,agents,web", ISS_FEED_SHARD="1/2")
    known = f"changes(process_start_time_seconds[10m]) == {count}"
    await until(partial(prometheus.query, known), START_SECONDS)


def kill(worker: Worker) -> None:
    assert worker.process
    worker.process.kill()
    worker.process.wait(10)
