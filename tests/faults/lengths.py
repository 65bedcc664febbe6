"""How long faults last: with `FAULTS=full` as long as an operator may meet them, else scaled down."""

import os

FULL = os.environ.get("FAULTS") == "full"

DATABASE_AWAY_SECONDS = 300 if FULL else 20
KAFKA_AWAY_SECONDS = 120 if FULL else 20
STANDSTILL_SECONDS = 30 if FULL else 15
"""Longer than a session in Kafka (10 s): a worker's partitions have another owner then."""

KILLS = 20 if FULL else 3
KILLS_SECONDS = 180 if FULL else 0
"""How long the kills take at least, all together."""

TEST_SECONDS = 1_500 if FULL else 600
