"""Local database: SecantusDB, which speaks MongoDB's protocol, as a separate program that is never imported.

It is the Python edition, unless `ISS_DATABASE_PROGRAM` names another program with its options, such as the Rust
edition, `secantusd-rs`. A storage is opened only by the program that created it: the Python edition does not
find by an index what the Rust edition has stored (measured).
"""

import shutil
import sysconfig
import time
from pathlib import Path

from iss_agents.config.settings import load_settings
from iss_agents.errors import UserError
from iss_agents.local_stack.liveness import start_again_when_it_hangs, writes
from iss_agents.local_stack.ports import accepts, make_folder, require_free
from iss_agents.local_stack.process import Program

OPTIONS = ("--sync-on-commit", "--cache-size", "256M", "--log-level", "WARNING")
"""Without the first, a kill -9 loses what was acknowledged in the last 0.1 s (measured: 50 of 50 documents)."""

KEEPING = {"ISS_RETENTION_DAYS": "0", "ISS_SUMMARY_DAYS": "0"}
"""Settings of a worker: keep documents for ever. To expire them, this database reads a whole collection once a
minute and answers nothing meanwhile: 7.5 s with 540,000 readings, two hours of the station's (measured with
0.7.0b3)."""

FIRST_WRITE_SECONDS = 5.0
"""Time limit; it takes 0.05 s."""

PYTHON_EDITION = "secantusd-py"

STORAGE_ERROR = "WiredTigerError"
"""Logged by a database that cannot open its storage, which is WiredTiger."""


class Database:
    """Database at 127.0.0.1:`port` that keeps its documents in `folder`/data, however it was stopped.

    With `faults` it accepts the command `configureFailPoint`, which makes its writes slow or fail.
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
        """Start the database; it is not `ready` yet.

        Raises:
            UserError: a taken port, no permission, the program is not installed, or another one created the
                storage.
        """
        require_free(self.port, "the database")
        make_folder(self._folder)
        program = executable()
        self._is_new = not self._data.exists()
        self._require_creator(Path(program).name)
        arguments = ["--host", "127.0.0.1", "--port", str(self.port), "--storage-path", str(self._data)]
        command = [program, *arguments, *self._options]
        self.program = Program("The database", command, self._folder / "database.log")
        return self._run(self.program)

    def ready(self) -> bool:
        """Return whether the database accepts connections; it opens its storage before its port.

        A new storage must also complete its first write. In two of 220 new ones that write never returned
        (0.7.0b3), so it is made here, where nothing can be lost yet, and a database that hangs starts over.
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

        A kill -9 during the creation of a table leaves a name without its file, which SecantusDB 0.7 cannot
        open.
        """
        program = self.program
        return program is not None and not program.running and STORAGE_ERROR in program.output()

    def restart_with_empty_storage(self) -> Path:
        """Restart the program that has ended, with an empty storage; return where the old one is kept."""
        assert self.program  # noqa: S101 - it has ended
        kept = self._folder / f"data.broken-{time.time_ns() // 1_000_000}"
        self._data.rename(kept)
        self._is_new = True
        self._run(self.program)
        return kept

    def _require_creator(self, program: str) -> None:
        note = self._folder / "program"
        if self._is_new:
            note.write_text(program)
        # A storage without a note is of an earlier version, which knew only one program.
        creator = note.read_text() if note.exists() else PYTHON_EDITION
        if creator != program:
            raise UserError(
                f"The database in {self._folder} was created by {creator}, not by {program}:"
                " set ISS_DATABASE_PROGRAM to that program, or ISS_HOME to another folder."
            )

    def _start_over(self) -> None:
        assert self.program  # noqa: S101 - it accepts connections
        self.program.kill()
        shutil.rmtree(self._data, ignore_errors=True)
        self._run(self.program)

    def _run(self, program: Program) -> Program:
        program.start()
        start_again_when_it_hangs(program, writing=self.url, pinging=self.url)
        return program


def executable() -> str:
    """Return the path of the database's program.

    Raises:
        UserError: it is not there, or cannot be executed.
    """
    chosen = load_settings().database_program
    if found := shutil.which(chosen or Path(sysconfig.get_path("scripts")) / PYTHON_EDITION):
        return found
    if chosen:
        raise UserError(
            f"ISS_DATABASE_PROGRAM is {chosen}, which is not an executable program: correct or unset it."
        )
    raise UserError("SecantusDB is not installed: run `uv sync --group embedded`, or set ISS_MONGO_URL.")
