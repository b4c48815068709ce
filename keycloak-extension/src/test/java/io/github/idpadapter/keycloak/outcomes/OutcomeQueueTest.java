package io.github.idpadapter.keycloak.outcomes;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.micrometer.core.instrument.Metrics;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import org.junit.jupiter.api.Test;

class OutcomeQueueTest {

    private static Outcome of(String realm) {
        return new Outcome(realm, "https://kc/realms/" + realm, new ObjectMapper().createObjectNode());
    }

    @Test
    void aBatchIsOfOneTenantAndBounded() throws InterruptedException {
        OutcomeQueue queue = new OutcomeQueue(1000);
        for (int i = 0; i < 120; i++) {
            queue.offer(of("a"));
        }
        queue.offer(of("b"));
        queue.offer(of("a"));
        assertEquals(100, queue.take(0).size());
        assertEquals(20, queue.take(0).size());
        assertEquals("b", queue.take(0).get(0).realmId());
        assertEquals(1, queue.take(0).size());
    }

    @Test
    void whatDoesNotFitIsCounted() {
        Metrics.addRegistry(new SimpleMeterRegistry());
        OutcomeQueue queue = new OutcomeQueue(2);
        double before = Metrics.counter("risk.outcomes.dropped").count();
        for (int i = 0; i < 5; i++) {
            queue.offer(of("a"));
        }
        assertEquals(3, Metrics.counter("risk.outcomes.dropped").count() - before);
    }
}
