"""A real database that speaks MongoDB's protocol, with TLS and users."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import trustme
from pydantic import SecretStr
from pymongo import MongoClient

from iss_agents.config.settings import Settings
from iss_agents.local_stack.database import Database, executable
from iss_agents.local_stack.liveness import start_again_when_it_hangs
from iss_agents.local_stack.ports import accepts, free_port
from iss_agents.local_stack.process import Program

USER = {"createUser": "worker", "pwd": "right", "roles": ["readWrite", "dbAdmin"]}

WATCHER = {"createUser": "watcher", "pwd": "right", "roles": ["readWrite"]}
"""Who looks, in a database of its own, whether the program hangs."""


class SecureDatabase:
    """A database that wants TLS and a user who may only use the database `iss`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()

    def begin(self) -> Program:
        """Make the user and the certificate, start for the first time, and return when it is reached."""
        self._make_user()
        place = ["--host", "127.0.0.1", "--port", str(self.port), "--storage-path", str(self.folder / "data")]
        command = [executable(), *place, "--cache-size", "256M", "--log-level", "ERROR", "--auth"]
        program = Program("The database", [*command, *self._certify()], self.folder / "database.log")
        program.start()
        program.wait_until(lambda: accepts(self.port))
        # A ping without a login: it hangs in these too.
        start_again_when_it_hangs(
            program,
            writing=self._address("watcher:right@", "embedded"),
            pinging=self._address("", "embedded"),
        )
        return program

    @classmethod
    @contextmanager
    def running(cls, folder: Path) -> Iterator[Self]:
        """Run a database in a folder."""
        database = cls(folder)
        program = database.begin()
        try:
            yield database
        finally:
            program.stop()

    def variables(self) -> dict[str, str]:
        """Return the environment variables of a worker that may come in."""
        address = self.settings().mongo_url.get_secret_value()
        return {"ISS_MONGO_URL": address, "ISS_MONGO_DATABASE": "iss"}

    def _make_user(self) -> None:
        open_to_all = Database(self.folder, self.port)
        program = open_to_all.start()
        program.wait_until(open_to_all.ready)
        with MongoClient[dict[str, object]](open_to_all.url) as client:
            client["embedded"].command(WATCHER)
        self.create_users(open_to_all.url)
        program.stop()

    def create_users(self, url: str) -> None:
        """Create who may come in, by an address where everybody may."""
        with MongoClient[dict[str, object]](url) as client:
            client["iss"].command(USER)

    def _certify(self) -> list[str]:
        authority = trustme.CA()
        authority.cert_pem.write_to_path(self.folder / "ca.pem")
        certificate = authority.issue_cert("127.0.0.1")
        certificate.private_key_pem.write_to_path(self.folder / "key.pem")
        certificate.cert_chain_pems[0].write_to_path(self.folder / "certificate.pem")
        files = {"--tls-cert-file": "certificate.pem", "--tls-key-file": "key.pem"}
        return [word for name, file in files.items() for word in (name, str(self.folder / file))]

    def settings(self, user: str = "worker:right@", options: str | None = None) -> Settings:
        return Settings(mongo_url=SecretStr(self._address(user, "iss", options)))

    def _address(self, user: str, database: str, options: str | None = None) -> str:
        tls = f"&tls=true&tlsCAFile={self.folder / 'ca.pem'}" if options is None else options
        source = f"&authSource={database}" if user else ""
        return f"mongodb://{user}127.0.0.1:{self.port}/?directConnection=true{source}{tls}"
