"""How many records the archive writes at once: as many as the database takes in a quarter of a second."""

SMALLEST = 500
"""0.2 to 0.5 s of the embedded database on a busy machine (measured)."""

LARGEST = 2_000
"""Each batch costs a commit to Kafka and a write of the touched hours besides. With a database that only
acknowledges a record took 8 to 10 us of the worker so, and 12 us with 500 in a batch (measured)."""

AIM_SECONDS = 0.25
"""So that a reading is stored within a second of its ingest even while a backlog is worked off."""


class BatchSize:
    """The size of the next batch, learnt from those before it."""

    def __init__(self) -> None:
        self.records = SMALLEST

    def learn(self, records: int, seconds: float) -> None:
        """Take in how long a batch took, retries included; one that was not full says nothing."""
        if records < self.records:
            return
        fitting = int(records * AIM_SECONDS / max(seconds, 1e-3))
        self.records = min(max(fitting, SMALLEST), 2 * self.records, LARGEST)
