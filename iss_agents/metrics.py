"""Every Prometheus metric. Names and units follow Prometheus' conventions; labels are bounded."""

from prometheus_client import Counter, Gauge, Histogram

LATENCY_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0)

FEED_RECEIVED = Counter("iss_feed_received", "Updates with a measurement that came in, by source", ["source"])
FEED_NEVER_MEASURED = Counter("iss_feed_never_measured", "Updates without a time stamp: not readings")
INVALID = Counter("iss_invalid", "What did not validate, by stage and reason", ["stage", "reason"])
SUSPECT = Counter("iss_suspect_readings", "Readings marked and not believed, by kind", ["kind"])
FEED_SESSIONS = Counter("iss_feed_sessions", "Lightstreamer sessions begun")
FEED_CONNECTED = Gauge("iss_feed_connected", "1 while a Lightstreamer session streams")
FEED_LEADER = Gauge("iss_feed_leader", "1 while this worker runs the feed")
SIGNAL_ACQUIRED = Gauge("iss_signal_acquired", "1 while the station's signal is acquired (AOS), 0 at LOS")
LAST_UPDATE = Gauge("iss_feed_last_update_timestamp_seconds", "When the last update came in, Unix time")
GAPS = Counter("iss_gaps", "Gaps begun, by cause", ["cause"])
SOURCE_TO_INGEST = Histogram(
    "iss_source_to_ingest_seconds", "Station time to ingest, snapshots left out", buckets=LATENCY_BUCKETS
)

PUBLISHED = Counter("iss_published", "Records that Kafka has acknowledged, by topic", ["topic"])
PENDING = Gauge("iss_publisher_pending", "Records in memory that Kafka has not acknowledged")
SPOOLED = Counter("iss_spooled", "Records written to the spool")
SPOOL_RECORDS = Gauge("iss_spool_records", "Records in the spool")
SPOOL_BYTES = Gauge("iss_spool_bytes", "Size of the spool on disk")
REFUSED = Counter("iss_spool_refused", "Records refused because the spool was full")
INGEST_TO_PUBLISH = Histogram(
    "iss_ingest_to_publish_seconds", "Ingest to Kafka's acknowledgement", buckets=LATENCY_BUCKETS
)

LAST_SEEN = Counter("iss_last_seen", "Readings that keep_last_seen met, by outcome", ["outcome"])
INGEST_TO_STATE = Histogram(
    "iss_ingest_to_state_seconds", "Ingest to the state that views answer from", buckets=LATENCY_BUCKETS
)
STATE_UNDECODABLE = Counter("iss_state_undecodable", "Changelog records that the state view could not read")

ARCHIVED = Counter("iss_archive_documents", "Records that the archive met, by outcome", ["topic", "outcome"])
REREAD = Counter(
    "iss_archive_reread", "Records that the archive met again after a commit that failed, by topic", ["topic"]
)
INGEST_TO_PERSIST = Histogram(
    "iss_ingest_to_persist_seconds",
    "Ingest to MongoDB's acknowledgement, the oldest of each batch",
    buckets=LATENCY_BUCKETS,
)
CONSUMER_LAG = Gauge(
    "iss_consumer_lag", "Records behind the end of the partition", ["group", "topic", "partition"]
)
ITEMS_KNOWN = Gauge("iss_items_known", "Items with a last-seen reading")

EVENTS_DETECTED = Counter("iss_events_detected", "Events of the urine tank, by kind", ["kind"])
DECISIONS = Counter("iss_post_decisions", "Events decided on, by decision", ["decision"])
ANNOUNCEMENTS = Counter(
    "iss_announcements", "Texts given to an announcer, by outcome", ["announcer", "outcome"]
)
POST_ATTEMPTS = Counter("iss_post_attempts", "Attempts to post, the repeated ones too", ["announcer"])
DETECTION_TO_POST = Histogram(
    "iss_detection_to_post_seconds",
    "Detection, in station time, to the end of posting",
    buckets=(1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 90.0, 120.0, 300.0, 600.0),
)
