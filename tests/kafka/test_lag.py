"""What Prometheus reads of a consumer group's progress."""

from aiokafka import TopicPartition
from prometheus_client import REGISTRY

from iss_agents.kafka.lag import LagReport
from iss_agents.kafka.offsets import PartitionPosition

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

    report.report({FIRST: PartitionPosition(beginning=0, end=15, committed=10)})
    report.report({FIRST: PartitionPosition(beginning=0, end=19, committed=10)})
    assert (lag(0), committed(0)) == (9.0, 100.0)

    report.report({FIRST: PartitionPosition(beginning=0, end=19, committed=19)})
    assert (lag(0), committed(0)) == (0.0, 130.0)
    report.report({})


def test_a_partition_that_went_elsewhere_is_reported_no_longer() -> None:
    report = LagReport("tested", clock=lambda: 100.0)
    report.report({FIRST: PartitionPosition(0, 1, None), SECOND: PartitionPosition(0, 2, None)})

    report.report({SECOND: PartitionPosition(0, 2, None)})
    assert (lag(0), committed(0), lag(1), committed(1)) == (None, None, 2.0, 100.0)

    report.report({})
    assert (lag(1), committed(1)) == (None, None)
