import logging

import pytest

from iss_agents.kafka_logs import OnceAMinute, quiet_kafka_logs


def record(message: str, *arguments: object) -> logging.LogRecord:
    return logging.LogRecord("aiokafka.conn", logging.ERROR, "", 0, message, arguments, None)


def test_a_kind_of_message_passes_once_a_minute_whatever_its_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("iss_agents.kafka_logs.monotonic", lambda: now)
    seldom = OnceAMinute()

    assert [
        seldom.filter(record("no %s", 1)),
        seldom.filter(record("no %s", 2)),
        seldom.filter(record("other")),
    ] == [
        True,
        False,
        True,
    ]
    now = 1060.0
    assert seldom.filter(record("no %s", 3))


def test_what_aiokafka_says_of_its_connections_is_silent(caplog: pytest.LogCaptureFixture) -> None:
    quiet_kafka_logs()
    logging.getLogger("aiokafka").error('Unable connect to "%s"', "localhost")
    logging.getLogger("aiokafka.producer.sender").warning("Got error produce response")

    assert caplog.records == []
