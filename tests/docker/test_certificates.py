"""The script that makes the certificates of compose.yaml: run for real, and used in a real handshake."""

import os
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent.parent.parent / "docker/certificates.sh"
NAMES = ("redpanda", "mongo")


def make(folder: Path) -> Path:
    """Run the script as an ordinary user, who cannot give files away; return the folder that servers see."""
    programs, authority, shared = (folder / name for name in ("programs", "authority", "certificates"))
    for each in (programs, authority, shared):
        each.mkdir(exist_ok=True)
    (programs / "chown").write_text("#!/bin/sh\n")
    (programs / "chown").chmod(0o755)
    path = f"{programs}:{os.environ['PATH']}"
    command = ["sh", str(SCRIPT), str(authority), str(shared)]
    subprocess.run(command, env=os.environ | {"PATH": path}, check=True, capture_output=True)
    return shared


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("made"))


def shaken_hands(client: ssl.SSLContext, server: ssl.SSLContext, name: str) -> None:
    """Let a client and a server talk in memory until both are content."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [
        client.wrap_bio(to_client, to_server, server_hostname=name),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    while [_goes_on(side.do_handshake) for side in sides] != [True, True]:
        pass


def _goes_on(handshake: Callable[[], None]) -> bool:
    try:
        handshake()
    except ssl.SSLWantReadError:
        return False
    return True


def client_of(folder: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=folder / "ca.pem")
    # Python 3.13 asks for this by default.
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


def server_of(folder: Path, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / f"{name}.crt", folder / f"{name}.key")
    return context


@pytest.mark.parametrize("name", NAMES)
def test_a_client_that_knows_the_ca_trusts_each_server_by_its_name(certificates: Path, name: str) -> None:
    shaken_hands(client_of(certificates), server_of(certificates, name), name)

    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        shaken_hands(client_of(certificates), server_of(certificates, name), "other")


def test_no_key_can_be_read_by_others_and_that_of_the_ca_is_kept_apart(certificates: Path) -> None:
    readable = {path.name for path in certificates.iterdir() if path.stat().st_mode & 0o077}

    assert readable == {"ca.pem"}
    assert not list(certificates.glob("ca.key"))


def test_a_second_start_changes_nothing(certificates: Path) -> None:
    before = {path.name: path.read_bytes() for path in certificates.iterdir()}

    make(certificates.parent)

    assert {path.name: path.read_bytes() for path in certificates.iterdir()} == before
