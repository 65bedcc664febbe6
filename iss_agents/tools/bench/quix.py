# /// script
# requires-python = ">=3.11"
# dependencies = ["quixstreams==3.28.1", "msgspec>=0.20,<1"]
# ///
"""`keep_last_seen` in Quix Streams: the newest reading of each item, in state that has a changelog.

A script in an environment of its own, because Quix Streams needs an older pydantic than this project has:
`uv run --script iss_agents/tools/bench/quix.py KAFKA COUNT`, with this project on PYTHONPATH.
"""

import json
import sys
from tempfile import TemporaryDirectory
from time import monotonic, process_time

from msgspec import to_builtins
from quixstreams import Application, State

from iss_agents.telemetry.records import Reading, decode_reading
from iss_agents.tools.bench.cost import WARM


class Newest:
    """Keeps the newest reading of each item, and what that took after the first WARM of `count` readings."""

    def __init__(self, count: int) -> None:
        self._warm = int(count * WARM)
        self._count = count
        self._done = 0
        self._began = self._processor = 0.0

    def keep(self, reading: Reading, state: State) -> None:
        """Keep one reading if it is newer, by the rule of `agents/last_value.py`."""
        seen = state.get("seen")
        if seen is None or reading.sequence > seen["sequence"]:
            self._set(state, reading, [])
        elif reading.sequence == seen["sequence"] and reading.event_id not in seen["event_ids"]:
            self._set(state, reading, seen["event_ids"])
        self._done += 1
        if self._done == self._warm:
            self._began, self._processor = monotonic(), process_time()

    def figures(self) -> dict[str, float]:
        """Return what it took, as `baseline.py` does."""
        return {
            "count": self._count - self._warm,
            "seconds": monotonic() - self._began,
            "processor": process_time() - self._processor,
        }

    def _set(self, state: State, reading: Reading, ids: list[str]) -> None:
        event_ids = [*ids, reading.event_id]
        state.set(
            "seen", {"sequence": reading.sequence, "event_ids": event_ids, "reading": to_builtins(reading)}
        )


def main(kafka: str, topic: str, count: str) -> None:
    """Read `count` readings of a topic from its beginning and print what that took."""
    newest = Newest(int(count))
    with TemporaryDirectory() as folder:
        app = Application(
            kafka,
            consumer_group="quix",
            auto_offset_reset="earliest",
            state_dir=folder,
            loglevel="WARNING",
        )
        frame = app.dataframe(app.topic(topic, value_deserializer="bytes"))
        frame.apply(decode_reading).update(newest.keep, stateful=True)
        app.run(count=int(count), collect=False)
        print(json.dumps(newest.figures()))  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
