"""The Caddyfile as Caddy itself reads it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

CADDYFILE = Path(__file__).parents[2] / "docker" / "caddy" / "Caddyfile"

pytestmark = pytest.mark.long


def validated(path: Path) -> "subprocess.CompletedProcess[str]":
    caddy = shutil.which("caddy")
    assert caddy, "put caddy on PATH"
    return subprocess.run(
        [caddy, "validate", "--adapter", "caddyfile", "--config", str(path)],
        env=os.environ | {"SITE_ADDRESS": "iss.example.org"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_caddy_accepts_the_file() -> None:
    done = validated(CADDYFILE)

    assert done.returncode == 0, done.stderr
    assert "Caddyfile input is not formatted" not in done.stderr


def test_caddy_would_name_a_directive_that_it_does_not_know(tmp_path: Path) -> None:
    wrong = tmp_path / "Caddyfile"
    wrong.write_text(CADDYFILE.read_text().replace("reverse_proxy", "reverse_proxi"))

    done = validated(wrong)

    assert done.returncode == 1
    assert "unrecognized directive: reverse_proxi" in done.stderr
