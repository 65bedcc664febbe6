"""What Prometheus reads of a consumer group's progress."""

from aiokafka import TopicPartition
from prometheus_client import REGISTRY

from iss_agents.lag import LagReport, Standing

FIRST, SECOND = TopicPartition("telemetry.raw.v1", 0), TopicPartition("telemetry.raw.v1", 1)


def lag(partition: int) -> float | None:
    return _sample("iss_consumer_lag", partition)


def committed(partition: int) -> float | None:
    return _sample("iss_consumer_commit_timestamp_seconds", partition)


def _sample(name: str, partition: int) -> float | None:
    labels = {"group": "tested", "topic": "telemetry.raw.v1", "partition": str(partition)}
    return REGISTRY.get_sample_value(name, labels)


def test_the_commit_time_moves_only_with_the_committed_offset() -> None:
    times = iter([100.0, 130.0])
    report = LagReport("tested", clock=lambda: next(times))

    report.report({FIRST: Standing(lag=5, committed=10)})
    report.report({FIRST: Standing(lag=9, committed=10)})
    assert (lag(0), committed(0)) == (9.0, 100.0)

    report.report({FIRST: Standing(lag=0, committed=19)})
    assert (lag(0), committed(0)) == (0.0, 130.0)
    report.report({})


def test_a_partition_that_went_elsewhere_is_reported_no_longer() -> None:
    report = LagReport("tested", clock=lambda: 100.0)
    report.report({FIRST: Standing(1, 0), SECOND: Standing(2, 0)})

    report.report({SECOND: Standing(2, 0)})
    assert (lag(0), committed(0), lag(1), committed(1)) == (None, None, 2.0, 100.0)

    report.forget([SECOND])
    assert (lag(1), committed(1)) == (None, None)
