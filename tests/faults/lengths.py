"""How long faults last: with `FAULTS=full` as long as an operator may meet them, else scaled down.

A soak has the long ones, too.
"""

import os

FULL = os.environ.get("FAULTS") == "full"

RATE = 500 if FULL else 200
"""Readings a second."""

DATABASE_AWAY_SECONDS = 300 if FULL else 10
KAFKA_AWAY_SECONDS = 120 if FULL else 12
STANDSTILL_SECONDS = 30 if FULL else 12
"""Longer than a session in Kafka (10 s): a worker's partitions have another owner then."""

KILLS = 20 if FULL else 3
KILLS_SECONDS = 180 if FULL else 0
"""How long the kills take at least, all together."""

TEST_SECONDS = 1_500 if FULL else 600
