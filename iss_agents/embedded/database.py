"""MongoDB's protocol for one machine: SecantusDB, a separate program that is never imported."""

import shutil
import sysconfig
import time
from pathlib import Path

from iss_agents.embedded.hanging import start_again_when_it_hangs, writes
from iss_agents.embedded.place import accepts, make_folder, require_free
from iss_agents.embedded.program import Program
from iss_agents.errors import UserError

OPTIONS = ("--sync-on-commit", "--cache-size", "256M", "--log-level", "WARNING")
"""Without the first, a kill -9 costs what was acknowledged in the last 0.1 s (measured: 50 of 50 documents)."""

KEEPING = {"ISS_RETENTION_DAYS": "0", "ISS_SUMMARY_DAYS": "0"}
"""What a worker is told. To let documents expire, this database reads all of a collection once a minute and
answers nobody meanwhile: 7.5 s with 540,000 readings, two hours of the station's (measured with 0.7.0b3)."""

FIRST_WRITE_SECONDS = 5.0
"""It takes 0.05 s."""

STORAGE_ERROR = "WiredTigerError"
"""In the log of a database that could not open its storage; its storage is WiredTiger."""


class Database:
    """A database at 127.0.0.1:`port` that keeps its documents in `folder`/data, whatever ended it last time.

    With `faults` it takes the command `configureFailPoint`, which makes its writes slow or lets them fail.
    """

    def __init__(self, folder: Path, port: int, *, faults: bool = False) -> None:
        self.port = port
        self._options = (*OPTIONS, "--enable-test-commands") if faults else OPTIONS
        self.url = f"mongodb://127.0.0.1:{port}/?directConnection=true"
        self._folder = folder
        self._data = folder / "data"
        self._is_new = False
        self.program: Program | None = None

    def start(self) -> Program:
        """Start the database; it is not yet `ready`.

        Raises:
            UserError: a taken port, no permission, or the program is not installed.
        """
        require_free(self.port, "the database")
        make_folder(self._folder)
        self._is_new = not self._data.exists()
        arguments = ["--host", "127.0.0.1", "--port", str(self.port), "--storage-path", str(self._data)]
        command = [_executable(), *arguments, *self._options]
        self.program = Program("The database", command, self._folder / "database.log")
        return self._run(self.program)

    def ready(self) -> bool:
        """Return whether the database accepts connections; it opens its storage before its port.

        A new storage has taken its first write then. In two of 220 new ones that write never ended (0.7.0b3),
        so it is made here, where nothing is lost yet, and a database that hangs starts over.
        """
        if not accepts(self.port) or not self._is_new:
            return accepts(self.port)
        if writes(self.url, FIRST_WRITE_SECONDS):
            self._is_new = False
        else:
            self._start_over()
        return not self._is_new

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
        self._is_new = True
        self._run(self.program)
        return kept

    def _start_over(self) -> None:
        assert self.program  # noqa: S101 - it accepts connections
        self.program.stop(0.0)
        shutil.rmtree(self._data, ignore_errors=True)
        self._run(self.program)

    def _run(self, program: Program) -> Program:
        program.start()
        start_again_when_it_hangs(program, writing=self.url, pinging=self.url)
        return program


def _executable() -> str:
    path = Path(sysconfig.get_path("scripts")) / "secantusd-py"
    if not path.exists():
        raise UserError("SecantusDB is not installed: run `uv sync --group embedded`, or set ISS_MONGO_URL.")
    return str(path)
