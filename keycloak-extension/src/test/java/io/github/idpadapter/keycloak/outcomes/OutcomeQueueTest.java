package io.github.idpadapter.keycloak.outcomes;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.micrometer.core.instrument.Metrics;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.List;
import org.junit.jupiter.api.Test;

class OutcomeQueueTest {

    private static Outcome of(String realm) {
        return new Outcome(realm, "https://kc/realms/" + realm, new ObjectMapper().createObjectNode());
    }

    private static Outcome ofCode(String realm, int chars) {
        Outcome outcome = of(realm);
        outcome.json().put("id", "event").put("telemetry", "t".repeat(chars));
        return outcome;
    }

    private static void offer(OutcomeQueue queue, int times, Outcome outcome) {
        for (int i = 0; i < times; i++) {
            queue.offer(outcome);
        }
    }

    @Test
    void aBatchIsOfOneTenantAndBounded() throws InterruptedException {
        OutcomeQueue queue = new OutcomeQueue(1000, 1000);
        offer(queue, 120, of("a"));
        queue.offer(of("b"));
        queue.offer(of("a"));
        assertEquals(100, queue.take(0).size());
        assertEquals(20, queue.take(0).size());
        assertEquals("b", queue.take(0).get(0).realmId());
        assertEquals(1, queue.take(0).size());
    }

    @Test
    void aBatchFitsIntoOneBody() throws InterruptedException {
        OutcomeQueue queue = new OutcomeQueue(1000, 1_000_000);
        offer(queue, 5, ofCode("a", 20_000));
        assertEquals(2, queue.take(0).size());
        assertEquals(2, queue.take(0).size());
        assertEquals(1, queue.take(0).size());
    }

    @Test
    void aBatchIsMeasuredByItsBytesOnTheWire() throws InterruptedException {
        OutcomeQueue queue = new OutcomeQueue(1000, 1_000_000);
        Outcome outcome = of("a");
        outcome.json().put("telemetry", "\u20ac".repeat(8_000)); // three bytes each
        offer(queue, 3, outcome);
        assertEquals(1, queue.take(0).size());
    }

    @Test
    void whereTooMuchTypingWaitsOutcomesGoWithoutTheirs() throws InterruptedException {
        OutcomeQueue queue = new OutcomeQueue(1000, 250);
        offer(queue, 3, ofCode("a", 100));
        List<Outcome> batch = queue.take(0);
        assertEquals(List.of(100, 100, 0), batch.stream().map(Outcome::telemetryChars).toList());
        assertEquals("event", batch.get(2).json().path("id").asText());
        queue.offer(ofCode("a", 100));
        assertEquals(100, queue.take(0).get(0).telemetryChars());
    }

    @Test
    void anOutcomeThatFindsNoRoomLeavesItsTypingsRoomToOthers() throws InterruptedException {
        OutcomeQueue queue = new OutcomeQueue(1, 150);
        queue.offer(of("a"));
        queue.offer(ofCode("a", 100));
        queue.take(0);
        queue.offer(ofCode("a", 100));
        assertEquals(100, queue.take(0).get(0).telemetryChars());
    }

    @Test
    void whatDoesNotFitIsCounted() {
        Metrics.addRegistry(new SimpleMeterRegistry());
        OutcomeQueue queue = new OutcomeQueue(2, 1000);
        double before = Metrics.counter("risk.outcomes.dropped", "reason", "queue_full").count();
        offer(queue, 5, of("a"));
        assertEquals(3, Metrics.counter("risk.outcomes.dropped", "reason", "queue_full").count() - before);
    }
}
