"""Keep aiokafka quiet while Kafka is away: it logs 25 lines a second then, and health has said it once."""

import logging
from time import monotonic

CONNECTION_LOGGERS = ("aiokafka", "aiokafka.producer.sender")
"""Loggers of aiokafka that speak of connections and of attempts that are repeated, and of nothing else."""

OTHER_LOGGERS = (
    "aiokafka.conn",
    "aiokafka.cluster",
    "aiokafka.consumer.consumer",
    "aiokafka.consumer.fetcher",
    "aiokafka.consumer.group_coordinator",
)
REPEAT_SECONDS = 60.0


class OnceAMinute(logging.Filter):
    """Let each kind of message through once in `REPEAT_SECONDS`, whatever its arguments."""

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        now = monotonic()
        if now - self._last.get(record.msg, -REPEAT_SECONDS) < REPEAT_SECONDS:
            return False
        self._last[record.msg] = now
        return True


def quiet_kafka_logs() -> None:
    """Silence what aiokafka says of its connections, and let it repeat the rest once a minute."""
    for name in CONNECTION_LOGGERS:
        logging.getLogger(name).addFilter(_is_critical)
    for name in OTHER_LOGGERS:
        logging.getLogger(name).addFilter(_once_a_minute)


def _is_critical(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.CRITICAL


_once_a_minute = OnceAMinute()
