package io.github.idpadapter.keycloak.outcomes;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.idpadapter.keycloak.decision.DecisionClient;
import io.github.idpadapter.keycloak.decision.RiskMetrics;
import io.github.idpadapter.keycloak.decision.Unavailable;
import java.util.List;
import java.util.function.Function;
import org.jboss.logging.Logger;

/**
 * Delivers outcomes in the background, in batches, and again with growing pauses while the service is away. A batch whose body is
 * refused goes in halves, so that only the outcome at fault is lost. What is lost is counted and logged by its cause.
 */
final class OutcomeSender extends Thread {

    private static final Logger LOG = Logger.getLogger("io.github.idpadapter.keycloak");
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final long GATHER_MS = 200;
    private static final long FIRST_PAUSE_MS = 500;
    private static final long LONGEST_PAUSE_MS = 30_000;
    private static final int TRIES = 10;

    private final DecisionClient client;
    private final Function<Outcome, String> bearers;
    private final OutcomeQueue queue;
    private final long firstPauseMs;

    /** {@code bearers} makes the caller's token for an outcome's tenant; null where the tenant is gone. */
    OutcomeSender(DecisionClient client, Function<Outcome, String> bearers, OutcomeQueue queue) {
        this(client, bearers, queue, FIRST_PAUSE_MS);
    }

    OutcomeSender(DecisionClient client, Function<Outcome, String> bearers, OutcomeQueue queue, long firstPauseMs) {
        super("risk-outcomes");
        setDaemon(true);
        this.client = client;
        this.bearers = bearers;
        this.queue = queue;
        this.firstPauseMs = firstPauseMs;
    }

    DecisionClient client() {
        return client;
    }

    @Override
    public void run() {
        while (!isInterrupted()) {
            try {
                deliver(queue.take(GATHER_MS));
            } catch (InterruptedException stop) {
                return;
            }
        }
    }

    /** Sends the outcomes of one tenant, until each is taken or lost. */
    void deliver(List<Outcome> batch) throws InterruptedException {
        try {
            int rejected = report(batch);
            if (rejected > 0) {
                drop(rejected, "rejected");
            }
        } catch (Unavailable failed) {
            if (!failed.isOfTheBody()) {
                drop(batch.size(), failed.label());
            } else if (batch.size() > 1) {
                deliver(batch.subList(0, batch.size() / 2));
                deliver(batch.subList(batch.size() / 2, batch.size()));
            } else if (batch.get(0).telemetryChars() > 0) {
                deliver(List.of(batch.get(0).withoutTelemetry()));
            } else {
                drop(1, failed.label());
            }
        } catch (RuntimeException unforeseen) {
            LOG.warn("Outcomes could not be reported", unforeseen);
            drop(batch.size(), "internal");
        }
    }

    /** Returns how many of them the service rejected; where it takes none, after the last try. */
    private int report(List<Outcome> batch) throws InterruptedException, Unavailable {
        ObjectNode body = JSON.createObjectNode();
        batch.forEach(outcome -> body.withArray("outcomes").add(outcome.json()));
        long pauseMs = firstPauseMs;
        for (int attempt = 1;; attempt++) {
            String bearer = bearers.apply(batch.get(0));
            try {
                return bearer == null ? 0 : client.report(bearer, body);
            } catch (Unavailable failed) {
                if (attempt == TRIES || failed.isOfTheBody()) {
                    throw failed;
                }
            }
            Thread.sleep(pauseMs);
            pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2);
        }
    }

    private static void drop(int outcomes, String reason) {
        RiskMetrics.dropped(outcomes, reason);
        LOG.warnf("%d outcomes were lost: %s", outcomes, reason);
    }
}
