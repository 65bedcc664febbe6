"""The script that builds the image: what it chooses, and what it says if it cannot. Programs are stand-ins."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.docker.engine import BUILD

pytestmark = pytest.mark.long

NEEDED = ("bash", "dirname", "head", "mktemp", "rm", "sed", "tail", "timeout")
WORKS, FAILS, ABSENT = "exit 0", "echo because; exit 1", None


def run(folder: Path, *words: str, **programs: str | None) -> subprocess.CompletedProcess[str]:
    """Run the script on a machine that has these programs only."""
    for name in NEEDED:
        program = shutil.which(name)
        assert program
        (folder / name).symlink_to(program)
    for name, text in programs.items():
        if text is not None:
            (folder / name).write_text(f'#!{folder}/bash\necho "{name} $*" >> {folder}/calls\n{text}\n')
            (folder / name).chmod(0o755)
    environment = {"PATH": str(folder), "TMPDIR": str(folder)}
    return subprocess.run(
        [BUILD, *words], env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_docker_builds_where_it_runs(tmp_path: Path) -> None:
    done = run(tmp_path, docker=WORKS, podman=WORKS, mmdebstrap=WORKS, uv=WORKS)

    assert (done.returncode, done.stdout) == (0, "docker\n")
    # By the name that Compose knows.
    built = "docker build --file docker/Dockerfile --tag iss-agents:0.1.0 ."
    assert (tmp_path / "calls").read_text().splitlines() == ["docker version", built]


def test_a_docker_that_cannot_build_is_no_reason_for_podman(tmp_path: Path) -> None:
    done = run(tmp_path, "own:1", docker='[ "$1" = version ]', podman=WORKS, mmdebstrap=WORKS, uv=WORKS)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1] == "Docker could not build own:1: it says why above."


@pytest.mark.parametrize("missing", ["podman", "mmdebstrap", "uv"])
@pytest.mark.parametrize("docker", [FAILS, ABSENT])
def test_it_says_what_to_install(tmp_path: Path, missing: str, docker: str | None) -> None:
    others = {"podman": WORKS, "mmdebstrap": WORKS, "uv": WORKS} | {missing: ABSENT}

    done = run(tmp_path, docker=docker, **others)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"Docker does not run here, and without it {missing} is needed:"
        " start Docker, or run apt-get install podman crun mmdebstrap, and pip install uv.\n"
    )


def test_a_base_that_cannot_be_made_is_explained_and_leaves_nothing(tmp_path: Path) -> None:
    done = run(tmp_path, podman='[ "$2" != exists ]', mmdebstrap=FAILS, uv=WORKS)

    assert done.returncode == 1
    assert done.stderr.splitlines()[1:] == [
        "because",
        "The base could not be made of Debian's packages: mmdebstrap says why above.",
    ]
    assert [*tmp_path.glob("tmp.*")] == []
