"""Metrics scrape: what a worker reports about itself over HTTP."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from time import monotonic
from typing import Any, NamedTuple

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from iss_agents.cli.formatting import short
from iss_agents.runtime.health import NOTHING_YET
from iss_agents.telemetry.catalog import TANK_ITEM
from iss_agents.telemetry.topics import ARCHIVE_GROUP, RAW

TIMEOUT = 2.0
"""Seconds that a view may take to answer."""


@dataclass(frozen=True)
class Figures:
    """One scrape of a worker's /metrics, `taken` on the monotonic clock. Counters start at 0 with the worker.

    `duplicates` were already in the archive; `reread` of them it had read twice itself.
    `waiting` records are in memory or spool and not yet in Kafka, `lag` ones in Kafka and not yet in MongoDB.
    `slowest_seconds`: no reading took longer from ingest to MongoDB's acknowledgement (the upper edge of the
    histogram's bucket that the slowest one fell into; the last edge stands for itself or more).
    `last_update` is Unix time in seconds, 0.0 if nothing has come yet. `uses` of the toilet were seen.
    """

    taken: float
    received: int
    published: int
    archived: int
    duplicates: int
    reread: int
    invalid: int
    never_measured: int
    items: int
    waiting: int
    lag: int
    slowest_seconds: float
    signal_acquired: bool
    last_update: float
    uses: int


class Post(NamedTuple):
    """A text about a use of the toilet, and the decision on it."""

    decision: str
    text: str


class Samples:
    """Parsed Prometheus text."""

    def __init__(self, text: str) -> None:
        families = text_string_to_metric_families(text)
        self._samples = [sample for family in families for sample in family.samples]

    def total(self, name: str, **labels: str) -> int:
        """Return the sum of the samples of this name that carry these labels."""
        return int(sum(sample.value for sample in self.matching(name, **labels)))

    def matching(self, name: str, **labels: str) -> Iterator[Sample]:
        """Yield the samples of this name that carry these labels."""
        for sample in self._samples:
            if sample.name == name and labels.items() <= sample.labels.items():
                yield sample

    def slowest(self, name: str) -> float:
        """Return the upper edge of the highest bucket of histogram `name` that holds anything."""
        buckets = sorted((float(each.labels["le"]), each.value) for each in self.matching(f"{name}_bucket"))
        if not buckets or not buckets[-1][1]:
            return 0.0
        finite = buckets[:-1]
        return next((edge for edge, count in finite if count == buckets[-1][1]), finite[-1][0])


def read_figures(text: str) -> Figures:
    """Return the figures in the text of /metrics (names: iss_agents/runtime/metrics.py)."""
    samples = Samples(text)

    def archived(outcome: str) -> int:
        return samples.total("iss_archive_documents_total", topic=RAW.name, outcome=outcome)

    return Figures(
        taken=monotonic(),
        received=samples.total("iss_feed_received_total"),
        published=samples.total("iss_published_total", topic=RAW.name),
        archived=archived("stored"),
        duplicates=archived("duplicate"),
        reread=samples.total("iss_archive_reread_total", topic=RAW.name),
        invalid=archived("invalid") + samples.total("iss_invalid_total", stage="feed"),
        never_measured=samples.total("iss_feed_never_measured_total"),
        items=samples.total("iss_items_known"),
        waiting=samples.total("iss_publisher_pending") + samples.total("iss_spool_records"),
        lag=samples.total("iss_consumer_lag", group=ARCHIVE_GROUP),
        slowest_seconds=samples.slowest("iss_ingest_to_persist_seconds"),
        signal_acquired=samples.total("iss_signal_acquired") == 1,
        last_update=sum(each.value for each in samples.matching("iss_feed_last_update_timestamp_seconds")),
        uses=samples.total("iss_events_detected_total", kind="use"),
    )


class WorkerViews:
    """The public views of the worker whose web server listens at `port` of 127.0.0.1."""

    def __init__(self, port: int) -> None:
        self._port = port

    @property
    def address(self) -> str:
        """The address of the page."""
        return f"http://127.0.0.1:{self._port}/"

    def answer(self) -> bool:
        """Return whether the worker answers, healthy or not."""
        return self._get("/healthz") is not None

    def figures(self) -> Figures | None:
        """Return the worker's figures, None while it does not answer."""
        answer = self._get("/metrics")
        return read_figures(answer[1]) if answer and answer[0] == HTTPStatus.OK else None

    def troubles(self) -> dict[str, str]:
        """Return the detail of each component that is down."""
        parts = self._document("/healthz").get("parts", {})
        details = {name: part["detail"] for name, part in parts.items() if not part["ok"]}
        return {name: "starting" if detail == NOTHING_YET else detail for name, detail in details.items()}

    def tank_level(self) -> str | None:
        """Return the newest level of the urine tank in percent, or None if it is not known."""
        item = self._document(f"/api/v1/items/{TANK_ITEM}")
        return short(item["value"], item["number"]) if item.get("value") else None

    def newest_post(self) -> Post | None:
        """Return what was decided on the last use, None if nothing was."""
        # Not from /posts, which needs the database.
        use = self._document("/api/v1/tank").get("last_use")
        return Post(use["decision"], use["text"]) if use and use["decision"] else None

    def _document(self, path: str) -> dict[str, Any]:
        answer = self._get(path)
        document: dict[str, Any] = json.loads(answer[1]) if answer else {}
        return document

    def _get(self, path: str) -> tuple[int, str] | None:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=TIMEOUT)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        except (OSError, HTTPException):
            return None
        finally:
            connection.close()
