"""Recordings of a Lightstreamer source: JSON lines, one update per line, gzip if the name ends in `.gz`."""

import gzip
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import IO, Self

import msgspec

from iss_agents.errors import UserError
from iss_agents.simulator.updates import (
    CALIBRATED_DATA,
    STATUS_CLASS,
    STATUS_COLOR,
    STATUS_INDICATOR,
    TIME_STAMP,
    VALUE,
    Fields,
)
from iss_agents.telemetry.station_clock import rfc3339


class RecordedUpdate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line: when an update arrived, its six fields as sent, and the session it came in."""

    arrival: datetime
    item: str
    time_stamp: str | None = msgspec.field(name=TIME_STAMP)
    value: str | None = msgspec.field(name=VALUE)
    status_class: str | None = msgspec.field(name=STATUS_CLASS)
    status_indicator: str | None = msgspec.field(name=STATUS_INDICATOR)
    status_color: str | None = msgspec.field(name=STATUS_COLOR)
    calibrated_data: str | None = msgspec.field(name=CALIBRATED_DATA)
    snapshot: bool
    session: int

    def __post_init__(self) -> None:
        if self.arrival.tzinfo is None:
            raise ValueError("arrival needs a time zone")

    @classmethod
    def of(cls, item_id: str, fields: Fields, arrival: datetime, *, snapshot: bool, session: int) -> Self:
        """Return the line for one update as a client received it."""
        return cls(
            arrival=arrival,
            item=item_id,
            time_stamp=fields[TIME_STAMP],
            value=fields[VALUE],
            status_class=fields[STATUS_CLASS],
            status_indicator=fields[STATUS_INDICATOR],
            status_color=fields[STATUS_COLOR],
            calibrated_data=fields[CALIBRATED_DATA],
            snapshot=snapshot,
            session=session,
        )

    def fields(self) -> dict[str, str | None]:
        """Return the six fields with the feed's spelling."""
        return {
            TIME_STAMP: self.time_stamp,
            VALUE: self.value,
            STATUS_CLASS: self.status_class,
            STATUS_INDICATOR: self.status_indicator,
            STATUS_COLOR: self.status_color,
            CALIBRATED_DATA: self.calibrated_data,
        }


_decode = msgspec.json.Decoder(RecordedUpdate).decode


def read_recording(path: Path) -> Iterator[RecordedUpdate]:
    """Yield the lines of a recording.

    Raises:
        UserError: the file cannot be read, or names the file, the line and what is wrong with it.
    """
    number = 0
    try:
        with _open(path, "rb") as file:
            for number, line in enumerate(file, start=1):  # noqa: B007 - the handler names it
                yield _decode(line)
    except msgspec.DecodeError as error:
        raise UserError(f"{path}, line {number}: {error}") from error
    except (OSError, EOFError) as error:
        raise UserError(f"Cannot read {path} after line {number}: {error}") from error


class RecordingWriter:
    """Writes a recording line by line; a context manager."""

    def __init__(self, path: Path) -> None:
        self._file = _open(path, "wb")

    def write(self, update: RecordedUpdate) -> None:
        line = msgspec.to_builtins(update) | {"arrival": rfc3339(update.arrival)}
        self._file.write(msgspec.json.encode(line) + b"\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _open(path: Path, mode: str) -> IO[bytes]:
    if path.suffix == ".gz":
        return gzip.open(path, mode)  # type: ignore[return-value]
    return path.open(mode)
