"""Engine that runs the built image: Docker where it runs, else podman with a storage of its own."""

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

BUILD = Path(__file__).parents[2] / "docker" / "build-image"
PROJECT = f"iss-agents-tested-{os.getpid()}"
"""Begins the names of containers and volumes, as Compose's project does."""

IMAGE = f"iss-agents:tested-{os.getpid()}"

BUILD_SECONDS = 600.0
CALL_SECONDS = 120.0
"""For what takes one or two seconds on an idle machine."""

SETTINGS = {
    "storage.conf": """\
[storage]
driver = "overlay"
graphroot = "{folder}/storage"
runroot = "{folder}/run"
""",
    # Not every machine lets root use control groups, or raise a limit of its own.
    "containers.conf": """\
[containers]
cgroups = "disabled"
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
lock_type = "file"
tmp_dir = "{folder}/tmp"
runtime = "crun"
[engine.runtimes]
crun = ["{folder}/crun"]
""",
    # crun starts nothing where both versions of control groups are mounted, even if it is to use none.
    "crun": """\
#!/bin/sh
exec unshare --mount sh -c 'umount /sys/fs/cgroup/unified 2>/dev/null; exec crun "$@"' crun "$@"
""",
}


class Engine:
    """Docker's command line, or podman's, which understands the same."""

    def __init__(self, program: str, environment: Mapping[str, str]) -> None:
        self._program = program
        self._environment = environment

    def __call__(self, *words: str, seconds: float = CALL_SECONDS) -> str:
        """Run a command, and return what it prints; a failure shows what it complains of."""
        done = self.attempt(*words, seconds=seconds)
        assert done.returncode == 0, f"{self._program} {words[0]}: {done.returncode}\n{done.stderr}"
        return done.stdout

    def attempt(self, *words: str, seconds: float = CALL_SECONDS) -> subprocess.CompletedProcess[str]:
        """Run a command that may fail."""
        return subprocess.run(
            [self._program, *words],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    @property
    def run_options(self) -> list[str]:
        """Options of every `run`: fetch no image, and let a read-only root have no exceptions."""
        return ["--pull=never", *["--read-only-tmpfs=false"] * (self._program == "podman")]

    def healthy(self, container: str) -> bool:
        """Return what the image's own health check says; podman has it run by systemd, or by hand."""
        if self._program == "podman":
            return self.attempt("healthcheck", "run", container).returncode == 0
        return self("inspect", "--format", "{{.State.Health.Status}}", container).strip() == "healthy"


@contextmanager
def built(**variables: str) -> Iterator[Engine]:
    """Build the image with these environment variables too, and remove it and its containers in the end."""
    # Podman's sockets lie below it, and the path of a socket must be short.
    folder = Path(mkdtemp(prefix="iss-image-"))
    environment = os.environ | _settings_of_podman(folder)
    try:
        engine = Engine(_build(environment | variables, folder / "build.log"), environment)
        try:
            yield engine
        finally:
            engine.attempt("rmi", "--force", IMAGE)
    finally:
        # Podman mounts it on itself.
        subprocess.run(["umount", folder / "storage" / "overlay"], capture_output=True, check=False)
        shutil.rmtree(folder, ignore_errors=True)


def _build(environment: Mapping[str, str], log: Path) -> str:
    # It ends what the script has started, too.
    command = ["timeout", "--kill-after=30", str(BUILD_SECONDS), str(BUILD), IMAGE]
    nothing, pipe = subprocess.DEVNULL, subprocess.PIPE
    with log.open("wb") as output:
        done = subprocess.run(
            command, env=environment, stdin=nothing, stdout=pipe, stderr=output, text=True, check=False
        )
    assert done.returncode == 0, f"{BUILD.name}: {done.returncode}\n{log.read_text(errors='replace')[-3000:]}"
    return done.stdout.strip()


def _settings_of_podman(folder: Path) -> dict[str, str]:
    for name, text in SETTINGS.items():
        (folder / name).write_text(text.format(folder=folder))
    (folder / "crun").chmod(0o755)
    return {
        "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf"),
        "CONTAINERS_CONF": str(folder / "containers.conf"),
        # There need not be one.
        "DISABLE_HC_SYSTEMD": "true",
    }
