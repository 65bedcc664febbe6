"""Wall clock of a child process, set while it runs by libfaketime, which intercepts the system calls.

CLOCK_MONOTONIC and CLOCK_BOOTTIME stay right, as when an operator or NTP sets the clock. A call of `time` takes
40 ns longer. `time.sleep` fails under libfaketime 0.9.10 (EINVAL); a worker waits in other ways.
"""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

PLACES = ("/usr/lib", "/usr/lib64", "/usr/local/lib")
LIBRARIES = ("faketime/libfaketime.so.1", "*/faketime/libfaketime.so.1")

READ_SECONDS = 1
"""How often libfaketime reads its file."""

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - no file of ours: where libfaketime leaves its own
LEFT_BEHIND = ("faketime_shm_{}", "sem.faketime_sem_{}")


def find_libfaketime() -> Path | None:
    """Return the library's path, None where it is not installed."""
    found = (path for place in PLACES for pattern in LIBRARIES for path in Path(place).glob(pattern))
    return next(found, None)


class WallClock:
    """Clock of the process that has `variables` in its environment. It is right until it is set."""

    def __init__(self, library: Path, file: Path) -> None:
        self._library = library
        self._file = file
        self.set_ahead(timedelta())

    @property
    def variables(self) -> Mapping[str, str]:
        """Environment of the process."""
        return {
            "LD_PRELOAD": str(self._library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": str(READ_SECONDS),
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }

    def set_ahead(self, ahead: timedelta) -> None:
        """Set the clock ahead or behind; the process notices within READ_SECONDS."""
        # In one step, because the process may read the file at any moment.
        written = self._file.with_suffix(".new")
        written.write_text(f"{ahead.total_seconds():+.3f}\n", encoding="ascii")
        written.replace(self._file)

    @staticmethod
    def clean_up(pid: int) -> None:
        """Remove the shared memory that libfaketime leaves behind for a killed process."""
        for name in LEFT_BEHIND:
            (SHARED_MEMORY / name.format(pid)).unlink(missing_ok=True)
