package io.github.idpadapter.keycloak.outcomes;

import io.github.idpadapter.keycloak.decision.DecisionClient;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingDeque;
import java.util.concurrent.LinkedBlockingDeque;

/** Outcomes that wait for the sender. Bounded: where the service is away for long, the newest are lost, and counted. */
final class OutcomeQueue {

    private static final int MOST = 10_000;
    static final int BATCH = 100;

    private final BlockingDeque<Outcome> waiting;

    OutcomeQueue() {
        this(MOST);
    }

    OutcomeQueue(int most) {
        waiting = new LinkedBlockingDeque<>(most);
    }

    void offer(Outcome outcome) {
        if (!waiting.offerLast(outcome)) {
            DecisionClient.countDropped(1);
        }
    }

    /** Waits for one, lets a few gather, and returns those of one tenant in their order. */
    List<Outcome> take(long gatherMs) throws InterruptedException {
        List<Outcome> batch = new ArrayList<>();
        batch.add(waiting.takeFirst());
        Thread.sleep(gatherMs);
        while (batch.size() < BATCH) {
            Outcome next = waiting.peekFirst();
            if (next == null || !next.isOfSameTenant(batch.get(0))) {
                break;
            }
            batch.add(waiting.takeFirst());
        }
        return batch;
    }
}
