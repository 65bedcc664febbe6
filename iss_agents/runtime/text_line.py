"""Text format of the log, for people."""

import logging
from types import TracebackType

from iss_agents.runtime.printable import printable, printable_lines
from iss_agents.runtime.redaction import redacted

Trace = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class TextLine(logging.Formatter):
    """One plain line without passwords and with foreign text escaped; a traceback has more lines."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        return redacted(super().format(record))

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """Return the line without its traceback."""
        record.message = printable(record.message)
        return super().formatMessage(record)

    def formatException(self, ei: Trace) -> str:  # noqa: N802 - as above
        """Return the traceback."""
        return printable_lines(super().formatException(ei))
