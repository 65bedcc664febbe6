"""Prometheus metrics. Names and units follow the conventions of Prometheus; labels are bounded."""

from importlib.metadata import version

from prometheus_client import Counter, Gauge, Histogram, Info

LATENCY_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0)
RECORD_BUCKETS = (1.0, 5.0, 20.0, 100.0, 500.0, 2000.0)
"""Records per batch; the last bound is the largest batch of an agent (delivery.MAX_BATCH_RECORDS)."""

BUILD = Info("iss_build", "Version of this worker")
BUILD.info({"version": version("iss-agents")})

FEED_RECEIVED = Counter(
    "iss_feed_received", "Updates with a measurement that were received, by source", ["source"]
)
FEED_NEVER_MEASURED = Counter("iss_feed_never_measured", "Updates without a time stamp: not readings")
INVALID = Counter(
    "iss_invalid",
    "Dead letters: updates and messages that did not validate, by stage and reason",
    ["stage", "reason"],
)
SUSPECT = Counter("iss_suspect_readings", "Readings flagged as bad or stale data, by kind", ["kind"])
FEED_SESSIONS = Counter("iss_feed_sessions", "Lightstreamer sessions begun")
FEED_RECONNECTS = Counter("iss_feed_reconnects", "Lightstreamer sessions replaced by a new one")
FEED_CONNECTED = Gauge("iss_feed_connected", "1 while a Lightstreamer session streams")
FEED_REFUSED_ITEMS = Gauge("iss_feed_refused_items", "Items that the server rejects")
FEED_LEADER = Gauge("iss_feed_leader", "1 while this worker runs that shard of the feed", ["shard"])
SIGNAL_ACQUIRED = Gauge("iss_signal_acquired", "1 while the station's signal is acquired (AOS), 0 at LOS")
LAST_UPDATE = Gauge("iss_feed_last_update_timestamp_seconds", "When the last update was received, Unix time")
LAST_READING = Gauge(
    "iss_feed_last_reading_timestamp_seconds", "Station time of the newest reading received, Unix time"
)
GAPS = Counter("iss_gaps", "Gaps begun, by cause", ["cause"])
SOURCE_TO_INGEST = Histogram(
    "iss_source_to_ingest_seconds",
    "Station time to ingest, the slowest of updates received together, without snapshots",
    buckets=LATENCY_BUCKETS,
)

PUBLISHED = Counter("iss_published", "Records that Kafka has acknowledged, by topic", ["topic"])
PUBLISH_ERRORS = Counter(
    "iss_publish_errors", "Attempts to send records that Kafka did not acknowledge, by sender", ["sender"]
)
PENDING = Gauge("iss_publisher_pending", "Records in memory that Kafka has not acknowledged")
SPOOLED = Counter("iss_spooled", "Records written to the spool")
SPOOL_DAMAGED = Counter("iss_spool_damaged", "Spools that were damaged and set aside")
SPOOL_MISSING = Counter("iss_spool_missing", "Records known to be missing from damaged spools")
SPOOL_RECORDS = Gauge("iss_spool_records", "Records in the spool")
SPOOL_BYTES = Gauge("iss_spool_bytes", "Size of the spool on disk")
SPOOL_LIMIT = Gauge("iss_spool_limit_bytes", "Largest size of the spool on disk")
REFUSED = Counter("iss_spool_refused", "Records rejected because the spool was full")
INGEST_TO_PUBLISH = Histogram(
    "iss_ingest_to_publish_seconds", "Ingest to Kafka's acknowledgement", buckets=LATENCY_BUCKETS
)

LAST_SEEN = Counter("iss_last_seen", "Readings processed by keep_last_seen, by outcome", ["outcome"])
OUTPUTS_PENDING = Gauge(
    "iss_agent_outputs_pending",
    "Records and changes of Tables that Kafka has not acknowledged to the agents, by topic",
    ["topic"],
)
TABLE_REWRITES = Counter(
    "iss_table_rewrites",
    "Values of Tables rewritten after a suspended worker wrote older ones, by Table",
    ["table"],
)
AGENT_BATCH_RECORDS = Histogram(
    "iss_agent_list_records",
    "Records of each batch that agents processed",
    ["topic"],
    buckets=RECORD_BUCKETS,
)
INGEST_TO_STATE = Histogram(
    "iss_ingest_to_state_seconds", "Ingest to the state from which views answer", buckets=LATENCY_BUCKETS
)
STATE_UNDECODABLE = Counter("iss_state_undecodable", "Changelog records that the state view could not read")

ARCHIVED = Counter(
    "iss_archive_documents", "Records that the archive processed, by outcome", ["topic", "outcome"]
)
REREAD = Counter(
    "iss_archive_reread", "Records that the archive processed again after a failed commit, by topic", ["topic"]
)
ARCHIVE_BATCH_RECORDS = Histogram(
    "iss_archive_batch_records", "Records of one batch that the archive read", buckets=RECORD_BUCKETS
)
DATABASE_WRITE = Histogram(
    "iss_database_write_seconds", "A batch of documents to MongoDB's acknowledgement", buckets=LATENCY_BUCKETS
)
DATABASE_ERRORS = Counter(
    "iss_database_errors",
    "Failed calls of MongoDB, by kind: away, too_slow, rejected",
    ["kind"],
)
INGEST_TO_PERSIST = Histogram(
    "iss_ingest_to_persist_seconds",
    "Ingest to MongoDB's acknowledgement, the oldest of each batch",
    buckets=LATENCY_BUCKETS,
)
CONSUMER_LAG = Gauge(
    "iss_consumer_lag",
    "Consumer lag: records up to the end of the partition that are not committed",
    ["group", "topic", "partition"],
)
COMMITTED = Gauge(
    "iss_consumer_commit_timestamp_seconds",
    "When the committed offset last advanced, or the partition was assigned to this worker, Unix time",
    ["group", "topic", "partition"],
)
ITEMS_KNOWN = Gauge("iss_items_known", "Items with a last-seen reading")
NEWEST_READING = Gauge(
    "iss_newest_reading_timestamp_seconds",
    "Station time of the newest reading of each discipline, Unix time",
    ["discipline"],
)

STREAMS = Gauge("iss_web_streams", "Open streams of live updates")
STREAMS_DROPPED = Counter("iss_web_streams_dropped", "Streams ended because their client took no data for 10 s")
WEB_REFUSED = Counter(
    "iss_web_refused",
    "Requests answered with 4xx, by reason: token, rate, size, time, address, input",
    ["reason"],
)

TASKS = Gauge("iss_tasks", "Tasks of the event loop")
LOOP_DELAY = Histogram(
    "iss_event_loop_delay_seconds",
    "How much later than due the event loop runs a timer",
    buckets=LATENCY_BUCKETS,
)
HOME_FREE = Gauge("iss_home_free_bytes", "Free space of the file system that holds ISS_HOME")
HOME_SIZE = Gauge("iss_home_size_bytes", "Size of the file system that holds ISS_HOME")
PART_OK = Gauge("iss_part_ok", "1 while a part of this worker works, as /healthz says", ["part"])
CIRCUIT_STATE = Gauge(
    "iss_circuit_state", "Circuit breaker of a dependency: 0 closed, 1 half-open, 2 open", ["part"]
)

EVENTS_DETECTED = Counter("iss_events_detected", "Events of the urine tank, by kind, without tests", ["kind"])
DECISIONS = Counter("iss_post_decisions", "Events decided on, by decision, without tests", ["decision"])
ANNOUNCEMENTS = Counter(
    "iss_announcements", "Texts given to an announcer, by outcome, without tests", ["announcer", "outcome"]
)
POST_ATTEMPTS = Counter("iss_post_attempts", "Attempts to post, including retries", ["announcer"])
DETECTION_TO_POST = Histogram(
    "iss_detection_to_post_seconds",
    "Detection, in station time, to the end of posting",
    buckets=(1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 90.0, 120.0, 300.0, 600.0),
)

# A counter that first appears with an error shows Prometheus no increase, so these begin at 0.
for sender in ("feed", "agents"):
    PUBLISH_ERRORS.labels(sender)
for kind in ("away", "too_slow", "rejected"):
    DATABASE_ERRORS.labels(kind)
for reason in ("token", "rate", "size", "time", "address", "input"):
    WEB_REFUSED.labels(reason)
for decision in ("posted", "suppressed", "stale", "refused", "failed", "dry_run"):
    DECISIONS.labels(decision)
