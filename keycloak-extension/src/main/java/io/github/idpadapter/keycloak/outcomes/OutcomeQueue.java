package io.github.idpadapter.keycloak.outcomes;

import io.github.idpadapter.keycloak.decision.RiskMetrics;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingDeque;
import java.util.concurrent.LinkedBlockingDeque;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Outcomes that wait for the sender. Bounded: where the service is away for long, the newest are lost, and counted. How codes were
 * typed goes first: it is most of an outcome, and the least of it.
 */
final class OutcomeQueue {

    private static final int MOST = 10_000;
    static final int BATCH = 100;
    /** Of a batch: the service takes bodies of 64 KB. */
    static final int BATCH_BYTES = 48_000;
    private static final int MOST_TELEMETRY_CHARS = 4_000_000;

    private final BlockingDeque<Outcome> waiting;
    private final int mostTelemetryChars;
    private final AtomicInteger telemetryChars = new AtomicInteger();

    OutcomeQueue() {
        this(MOST, MOST_TELEMETRY_CHARS);
    }

    OutcomeQueue(int most, int mostTelemetryChars) {
        this.waiting = new LinkedBlockingDeque<>(most);
        this.mostTelemetryChars = mostTelemetryChars;
    }

    void offer(Outcome outcome) {
        int more = outcome.telemetryChars();
        if (telemetryChars.addAndGet(more) > mostTelemetryChars) {
            telemetryChars.addAndGet(-more);
            offer(outcome.withoutTelemetry(), 0);
        } else {
            offer(outcome, more);
        }
    }

    private void offer(Outcome outcome, int counted) {
        if (!waiting.offerLast(outcome)) {
            telemetryChars.addAndGet(-counted);
            RiskMetrics.dropped(1, "queue_full");
        }
    }

    /** Waits for one, lets a few gather, and returns those of one tenant in their order. */
    List<Outcome> take(long gatherMs) throws InterruptedException {
        List<Outcome> batch = new ArrayList<>();
        add(waiting.takeFirst(), batch);
        int bytes = batch.get(0).bytes();
        Thread.sleep(gatherMs);
        while (batch.size() < BATCH) {
            Outcome next = waiting.peekFirst();
            if (next == null || !next.isOfSameTenant(batch.get(0))) {
                break;
            }
            bytes += next.bytes();
            if (bytes > BATCH_BYTES) {
                break;
            }
            add(waiting.takeFirst(), batch);
        }
        return batch;
    }

    private void add(Outcome taken, List<Outcome> batch) {
        batch.add(taken);
        telemetryChars.addAndGet(-taken.telemetryChars());
    }
}
