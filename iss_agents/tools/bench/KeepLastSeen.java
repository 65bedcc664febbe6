import com.fasterxml.jackson.annotation.JsonInclude.Include;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/** `keep_last_seen` in Kafka Streams: the newest reading of each item, in a cached store with a changelog. */
final class KeepLastSeen implements Processor<String, Reading, Void, Void> {
    private static final String STORE = "last_seen";

    private final Meter meter;
    private KeyValueStore<String, Seen> store;

    private KeepLastSeen(Meter meter) {
        this.meter = meter;
    }

    /** Reads `count` readings of a topic from its beginning and prints what that took, as `baseline.py` does. */
    public static void main(String[] arguments) throws Exception {
        String kafka = arguments[0], topic = arguments[1], folder = arguments[4];
        var meter = new Meter(Long.parseLong(arguments[2]), Double.parseDouble(arguments[3]));
        var config = new StreamsConfig(Map.of(
                StreamsConfig.APPLICATION_ID_CONFIG, "kafka-streams",
                StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, kafka,
                StreamsConfig.STATE_DIR_CONFIG, folder));
        try (var streams = new KafkaStreams(topology(topic, meter), config)) {
            streams.setUncaughtExceptionHandler(KeepLastSeen::fail);
            streams.start();
            meter.await();
        }
        System.out.println(Json.MAPPER.writeValueAsString(meter.figures()));
    }

    private static Topology topology(String topic, Meter meter) {
        var store = Stores.keyValueStoreBuilder(
                Stores.inMemoryKeyValueStore(STORE), Serdes.String(), Json.serde(Seen.class));
        var builder = new StreamsBuilder().addStateStore(store.withCachingEnabled());
        builder.stream(topic, Consumed.with(Serdes.String(), Json.serde(Reading.class)))
                .process(() -> new KeepLastSeen(meter), STORE);
        return builder.build();
    }

    private static StreamThreadExceptionResponse fail(Throwable error) {
        System.err.println(error);
        Runtime.getRuntime().halt(1);
        return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
    }

    @Override
    public void init(ProcessorContext<Void, Void> context) {
        store = context.getStateStore(STORE);
    }

    @Override
    public void process(Record<String, Reading> record) {
        if (record.value().suspect() == null) {
            keep(record.value());
        }
        meter.count();
    }

    private void keep(Reading reading) {
        var seen = store.get(reading.series());
        var held = seen != null && seen.reading().source().equals(reading.source()) ? seen : Seen.NOTHING;
        if (held.isOlderThan(reading)) {
            store.put(reading.series(), held.with(reading));
        }
    }
}

/** A reading as in `telemetry/records.py`. Its times stay text, because nothing here reads them. */
record Reading(
        int schemaVersion,
        String eventId,
        String itemId,
        long sequence,
        String sourceTs,
        String ingestTs,
        String value,
        String source,
        String statusClass,
        String statusIndicator,
        String statusColor,
        String calibratedData,
        boolean snapshot,
        long session,
        String suspect) {

    String series() {
        return source.equals("test") ? "test|" + itemId : itemId;
    }
}

/** The newest reading of a series and the ids seen at its sequence, by the rule of `telemetry/ordering.py`. */
record Seen(long sequence, List<String> eventIds, Reading reading) {
    static final Seen NOTHING = new Seen(0, List.of(), null);
    private static final int MOST_IDS = 64;
    private static final long MAX_AHEAD = 300_000;

    boolean isOlderThan(Reading reading) {
        if (reading.sequence() == sequence) {
            return !eventIds.contains(reading.eventId());
        }
        return reading.sequence() > sequence || isFromClockAhead(reading);
    }

    Seen with(Reading reading) {
        var ids = new ArrayList<>(reading.sequence() == sequence ? eventIds : List.of());
        ids.add(reading.eventId());
        return new Seen(reading.sequence(), ids.subList(Math.max(0, ids.size() - MOST_IDS), ids.size()), reading);
    }

    private boolean isFromClockAhead(Reading reading) {
        long latest = System.currentTimeMillis() + MAX_AHEAD;
        return reading.sequence() <= latest && latest < sequence;
    }
}

/** JSON of records, by Jackson. */
final class Json {
    static final JsonMapper MAPPER = JsonMapper.builder()
            .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
            .serializationInclusion(Include.NON_NULL)
            .build();

    static <T> Serde<T> serde(Class<T> type) {
        var reader = MAPPER.readerFor(type);
        var writer = MAPPER.writerFor(type);
        return Serdes.serdeFrom(
                (topic, value) -> attempt(() -> writer.writeValueAsBytes(value)),
                (topic, bytes) -> attempt(() -> reader.readValue(bytes)));
    }

    private static <T> T attempt(Callable<T> work) {
        try {
            return work.call();
        } catch (Exception error) {
            throw new SerializationException(error);
        }
    }
}

/** What `count` readings took after the first `warm` share of them: seconds, and processor time of the process. */
final class Meter {
    private static final OperatingSystemMXBean SYSTEM =
            (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

    private final CountDownLatch finished = new CountDownLatch(1);
    private final long count;
    private final long warm;
    private long done;
    private long began;
    private long processor;

    Meter(long count, double warm) {
        this.count = count;
        this.warm = (long) (count * warm);
    }

    /** Counts one reading, in the one thread that processes them all. */
    void count() {
        done++;
        if (done == warm) {
            began = System.nanoTime();
            processor = SYSTEM.getProcessCpuTime();
        }
        if (done == count) {
            finished.countDown();
        }
    }

    void await() throws InterruptedException {
        finished.await();
    }

    Map<String, Number> figures() {
        return Map.of(
                "count", count - warm,
                "seconds", (System.nanoTime() - began) / 1e9,
                "processor", (SYSTEM.getProcessCpuTime() - processor) / 1e9);
    }
}
