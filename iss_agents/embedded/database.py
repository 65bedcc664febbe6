"""MongoDB's protocol for one machine: SecantusDB, a separate program that is never imported."""

import sysconfig
import time
from pathlib import Path

from iss_agents.embedded.place import accepts, make_folder, require_free
from iss_agents.embedded.program import Program
from iss_agents.errors import UserError

OPTIONS = ("--sync-on-commit", "--cache-size", "256M", "--log-level", "WARNING")
"""Without the first, a kill -9 costs what was acknowledged in the last 0.1 s (measured: 50 of 50 documents)."""

STORAGE_ERROR = "WiredTigerError"
"""In the log of a database that could not open its storage; its storage is WiredTiger."""


class Database:
    """A database at 127.0.0.1:`port` that keeps its documents in `folder`/data, whatever ended it last time."""

    def __init__(self, folder: Path, port: int) -> None:
        self.port = port
        self.url = f"mongodb://127.0.0.1:{port}/?directConnection=true"
        self._folder = folder
        self._data = folder / "data"
        self.program: Program | None = None

    def start(self) -> Program:
        """Start the database; it is not yet `ready`.

        Raises:
            UserError: a taken port, no permission, or the program is not installed.
        """
        require_free(self.port, "the database")
        make_folder(self._folder)
        arguments = ["--host", "127.0.0.1", "--port", str(self.port), "--storage-path", str(self._data)]
        command = [_executable(), *arguments, *OPTIONS]
        self.program = Program("The database", command, self._folder / "database.log")
        self.program.start()
        return self.program

    def ready(self) -> bool:
        """Return whether the database accepts connections; it opens its storage before its port."""
        return accepts(self.port)

    @property
    def storage_is_broken(self) -> bool:
        """Whether the program has ended because it could not open its storage.

        A kill -9 while a table is created leaves a name without its file, which SecantusDB 0.7 cannot open.
        """
        program = self.program
        return program is not None and not program.running and STORAGE_ERROR in program.output()

    def restart_with_empty_storage(self) -> Path:
        """Start the program that has ended again; return where its old storage is kept."""
        assert self.program  # noqa: S101 - it has ended
        kept = self._folder / f"data.broken-{time.time_ns() // 1_000_000}"
        self._data.rename(kept)
        self.program.start()
        return kept


def _executable() -> str:
    path = Path(sysconfig.get_path("scripts")) / "secantusd-py"
    if not path.exists():
        raise UserError("SecantusDB is not installed: run `uv sync --group embedded`, or set ISS_MONGO_URL.")
    return str(path)
