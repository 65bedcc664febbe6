"""Services of compose.yaml as containers of the built image, with what the file says of them."""

import re
from collections.abc import Mapping
from pathlib import Path

from tests.docker.engine import IMAGE, PROJECT, Engine
from tests.docker.test_compose import SERVICES

PASSED_ON = {
    "image",
    "command",
    "user",
    "read_only",
    "init",
    "tmpfs",
    "cap_drop",
    "security_opt",
    "environment",
    "volumes",
    "healthcheck",
    "stop_grace_period",
}
LEFT_OUT = {
    # Networks and ports: the neighbours are on the loopback of this machine.
    "networks",
    "ports",
    # Control groups, which not every machine lets a container have.
    "cpus",
    "mem_limit",
    "pids_limit",
    # The order, the next start and the log: Compose's and Docker's own.
    "build",
    "depends_on",
    "env_file",
    "logging",
    "profiles",
    "restart",
}
VARIABLE = re.compile(r"\$\{(\w+)(?::\?[^}]*|:-([^}]*))?\}")


def filled(text: str, given: Mapping[str, str]) -> str:
    """Return a value of the file with what is `given` by .env."""
    return VARIABLE.sub(lambda found: given.get(found[1]) or found[2] or "", text)


def environment_of(service: str, given: Mapping[str, str]) -> dict[str, str]:
    """Return the environment variables of a service."""
    return {name: filled(value, given) for name, value in SERVICES[service]["environment"].items()}


def options(service: str, environment: Mapping[str, str], certificates: Path) -> list[str]:
    """Return the options of `run`: what the file says, its volume `ca` being the folder `certificates`."""
    said = SERVICES[service]
    assert said.keys() <= PASSED_ON | LEFT_OUT, said.keys() - PASSED_ON - LEFT_OUT
    named = {
        "user": [said["user"]],
        "tmpfs": said.get("tmpfs", []),
        "cap-drop": said["cap_drop"],
        # Podman knows it by this form only, Docker by both.
        "security-opt": [each.removesuffix(":true") for each in said["security_opt"]],
        "env": [f"{name}={value}" for name, value in environment.items()],
        "volume": [_mounted(each, certificates) for each in said["volumes"]],
    }
    words = [f"--{name}={value}" for name, values in named.items() for value in values]
    return [
        "--network=host",
        *[f"--{flag}" for flag in ("init", "read-only") if said[flag.replace("-", "_")]],
        *words,
    ]


def _mounted(volume: str, certificates: Path) -> str:
    source, _, place = volume.partition(":")
    return f"{certificates if source == 'ca' else container_of(source)}:{place}"


def container_of(service: str) -> str:
    """Return the name of a service's container, and of its volume."""
    return f"{PROJECT}-{service}"


def grace_of(service: str) -> float:
    """Return for how many seconds Compose lets a service stop."""
    return float(SERVICES[service]["stop_grace_period"].removesuffix("s"))


def run_once(engine: Engine, service: str, environment: Mapping[str, str], certificates: Path) -> str:
    """Run a service that ends by itself, and return what it prints."""
    words = [*engine.run_options, *options(service, environment, certificates)]
    return engine("run", "--rm", *words, IMAGE, *SERVICES[service]["command"])


def start(engine: Engine, service: str, environment: Mapping[str, str], certificates: Path) -> None:
    """Start a service as a container of its name."""
    words = [*engine.run_options, *options(service, environment, certificates)]
    engine("run", "--detach", "--name", container_of(service), *words, IMAGE)


def stop(engine: Engine, service: str) -> int:
    """Stop a service as Compose does, and return its exit code: 137 if it had to be killed."""
    engine("stop", "-t", f"{grace_of(service):.0f}", container_of(service))
    return int(engine("inspect", "--format", "{{.State.ExitCode}}", container_of(service)))


def remove(engine: Engine, service: str) -> None:
    """Remove a service and what it has stored, if it was started."""
    # Podman's `rm` asks it to stop before, and waits.
    engine.attempt("kill", container_of(service))
    engine.attempt("rm", "--force", container_of(service))
    engine.attempt("volume", "rm", container_of(service))
