"""Recorder: writes the updates of a Lightstreamer source to a recording."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from iss_agents.config.settings import Settings
from iss_agents.errors import UserError
from iss_agents.feed.decode import Update
from iss_agents.simulator.recording import RecordedUpdate, RecordingWriter
from iss_agents.tools.probe.capture import CaptureStats, listen


class Recorder:
    """Number the sessions 1, 2, 3 and write each update as it came."""

    def __init__(self, writer: RecordingWriter) -> None:
        self._writer = writer
        self._numbers: dict[int, int] = {}

    def take(self, updates: list[Update]) -> None:
        """Write updates. Raises OSError when the file cannot be written."""
        for update in updates:
            self._writer.write(self._recorded(update))

    def _recorded(self, update: Update) -> RecordedUpdate:
        number = self._numbers.setdefault(update.session, len(self._numbers) + 1)
        return RecordedUpdate.of(
            update.item_id, update.fields, update.arrival, snapshot=update.snapshot, session=number
        )


async def record(settings: Settings, path: Path, seconds: float | None) -> CaptureStats:
    """Record to `path` for `seconds` or until Ctrl-C; the file is whole however it ends.

    Raises:
        UserError: nothing came in, or the file exists or cannot be written.
    """
    with _new_recording(path) as writer:
        return await listen(settings, seconds, Recorder(writer).take)


@contextmanager
def _new_recording(path: Path) -> Iterator[RecordingWriter]:
    if path.is_file():
        raise UserError(f"{path} exists already: choose another name, or remove it.")
    try:
        with RecordingWriter(path) as writer:
            yield writer
    except OSError as error:
        raise UserError(f"Cannot write {path} ({error.strerror}): choose another place.") from error
    except UserError:
        # Nothing came in, and the next attempt is not to find a file in its way. A device stays.
        if path.is_file():
            path.unlink()
        raise
