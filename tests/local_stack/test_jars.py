"""Kafka's jars: locked, compared, and never trusted by their name alone."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from iss_agents.config.settings import load_settings
from iss_agents.errors import UserError
from iss_agents.local_stack import jars
from iss_agents.local_stack.jars import Jar, fetch, jar_folder, locked_jars

PAPER = Jar("org.example:paper:1.0", hashlib.sha256(b"the whole jar").hexdigest())


def bringing(content: bytes, calls: list[str]) -> Callable[[str, Path], Path]:
    """Return a download that brings `content` and notes what it was asked for."""

    def bring(coordinate: str, folder: Path) -> Path:
        calls.append(coordinate)
        path = folder / "brought.jar"
        path.write_bytes(content)
        return path

    return bring


def no_network(_coordinate: str, _folder: Path) -> Path:
    raise ConnectionError("Name or service not known\nmore")


def quiet(_count: int, _total: int) -> None:
    return


def test_every_jar_that_kafka_needs_is_locked_by_version_and_checksum() -> None:
    locked = locked_jars(jars.LOCK)

    assert len(locked) == 46
    assert {jars.KAFKA, jars.LOGGING} <= {jar.coordinate for jar in locked}
    assert {len(jar.sha256) for jar in locked} == {64}


def test_a_jar_is_fetched_once(tmp_path: Path) -> None:
    calls: list[str] = []
    bring = bringing(b"the whole jar", calls)

    first = fetch([PAPER], tmp_path, quiet, bring)
    second = fetch([PAPER], tmp_path, quiet, bring)

    assert first == second == [tmp_path / "paper-1.0.jar"]
    assert calls == ["org.example:paper:1.0"]
    assert [path.name for path in tmp_path.iterdir()] == ["paper-1.0.jar"]


def test_a_half_jar_is_not_trusted_but_fetched_again(tmp_path: Path) -> None:
    (tmp_path / "paper-1.0.jar").write_bytes(b"the wh")

    [path] = fetch([PAPER], tmp_path, quiet, bringing(b"the whole jar", []))

    assert path.read_bytes() == b"the whole jar"


def test_a_jar_with_another_checksum_is_refused_and_not_kept(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"paper-1.0.jar .* has SHA-256 .* was not kept") as refusal:
        fetch([PAPER], tmp_path, quiet, bringing(b"another jar", []))

    assert PAPER.sha256 in str(refusal.value)
    assert list(tmp_path.iterdir()) == []


def test_no_network_on_the_first_run_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError) as refusal:
        fetch([PAPER], tmp_path, quiet, no_network)

    assert str(refusal.value) == (
        "paper-1.0.jar for Apache Kafka could not be fetched from Maven Central: "
        "the first start needs a network, try again when there is one (ConnectionError)."
    )


def test_one_real_jar_comes_through_jgo_without_java_or_maven(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    smallest = next(jar for jar in locked_jars(jars.LOCK) if "jspecify" in jar.coordinate)

    [path] = fetch([smallest], tmp_path, quiet)

    assert hashlib.sha256(path.read_bytes()).hexdigest() == smallest.sha256


@pytest.mark.usefixtures("kafka_url")
def test_the_progress_is_told_only_of_what_is_fetched() -> None:
    told: list[tuple[int, int]] = []

    folder = jar_folder(load_settings().home)

    fetch(locked_jars(jars.LOCK), folder, lambda count, total: told.append((count, total)))

    assert told == []
