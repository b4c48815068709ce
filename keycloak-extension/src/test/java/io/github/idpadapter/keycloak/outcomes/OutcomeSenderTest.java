package io.github.idpadapter.keycloak.outcomes;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.idpadapter.keycloak.decision.TestService;
import io.micrometer.core.instrument.Metrics;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The sender before a service that is told how to answer. */
class OutcomeSenderTest {

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Logger LOG = Logger.getLogger("io.github.idpadapter.keycloak");
    private static final int MOST_CHARS = 1000;
    private static final int TOO_MANY_CHARS = 2000;

    private final List<JsonNode> taken = new ArrayList<>();
    private final Lines lines = new Lines();
    private TestService service;
    private OutcomeSender sender;

    @BeforeAll
    static void count() {
        Metrics.addRegistry(new SimpleMeterRegistry());
    }

    @BeforeEach
    void start() throws IOException {
        service = new TestService((path, body, out) -> {
            take(body);
            TestService.reply(out, 200, "application/json", "{}");
        });
        sender = sender(outcome -> "token");
        LOG.addHandler(lines);
    }

    @AfterEach
    void stop() throws IOException {
        LOG.removeHandler(lines);
        service.close();
    }

    private OutcomeSender sender(Function<Outcome, String> bearers) {
        return new OutcomeSender(service.client(), bearers, new OutcomeQueue(), 1);
    }

    private synchronized void take(String body) throws IOException {
        JSON.readTree(body).path("outcomes").forEach(taken::add);
    }

    private synchronized List<String> takenIds() {
        return taken.stream().map(each -> each.path("id").asText()).toList();
    }

    /** Has the service refuse, by a status, each body that is longer than some; it takes the others. */
    private void refuseLongBodies(int status) {
        service.answers((path, body, out) -> {
            boolean isRefused = body.length() > MOST_CHARS;
            if (!isRefused) {
                take(body);
            }
            TestService.reply(out, isRefused ? status : 200, "application/json", "{}");
        });
    }

    private void answer(int status, String body) {
        service.answers((path, question, out) -> TestService.reply(out, status, "application/json", body));
    }

    private static Outcome outcome(String id) {
        return new Outcome("a", "https://kc/realms/a", JSON.createObjectNode().put("id", id));
    }

    private static Outcome with(String member, int chars, String id) {
        Outcome outcome = outcome(id);
        outcome.json().put(member, "x".repeat(chars));
        return outcome;
    }

    private static List<Outcome> batch(String... ids) {
        return Arrays.stream(ids).map(OutcomeSenderTest::outcome).toList();
    }

    private static double dropped(String reason) {
        return Metrics.counter("risk.outcomes.dropped", "reason", reason).count();
    }

    private void assertLost(int outcomes, String reason, List<Outcome> batch) throws InterruptedException {
        double before = dropped(reason);
        sender.deliver(batch);
        assertEquals(outcomes, dropped(reason) - before);
        assertEquals(List.of(outcomes + " outcomes were lost: " + reason), lines.written);
    }

    @Test
    void whatTheServiceTakesIsSentOnce() throws InterruptedException {
        sender.deliver(batch("1", "2"));
        assertEquals(List.of("1", "2"), takenIds());
        assertEquals(1, service.requests.get());
        assertEquals(List.of(), lines.written);
    }

    @ParameterizedTest
    @ValueSource(ints = {400, 413, 422})
    void ofABatchWhoseBodyIsRefusedOnlyTheOutcomeAtFaultIsLostAndItIsCounted(int status) throws InterruptedException {
        refuseLongBodies(status);
        List<Outcome> batch = new ArrayList<>(batch("1", "2", "4", "5", "6", "7"));
        batch.add(2, with("error", TOO_MANY_CHARS, "3"));
        assertLost(1, "http_" + status, batch);
        assertEquals(List.of("1", "2", "4", "5", "6", "7"), takenIds());
    }

    @Test
    void aBatchThatIsTooLargeOnlyAsAWholeIsTakenInPartsInItsOrder() throws InterruptedException {
        refuseLongBodies(413);
        List<Outcome> batch = new ArrayList<>();
        for (int i = 0; i < OutcomeQueue.BATCH; i++) {
            batch.add(with("error", MOST_CHARS / 2, "" + i));
        }
        sender.deliver(batch);
        assertEquals(batch.stream().map(each -> each.json().path("id").asText()).toList(), takenIds());
        assertEquals(List.of(), lines.written);
    }

    @Test
    void anOutcomeThatIsTooLargeOnlyByItsTypingIsTakenWithoutIt() throws InterruptedException {
        refuseLongBodies(413);
        sender.deliver(List.of(with("telemetry", TOO_MANY_CHARS, "1"), outcome("2")));
        assertEquals(List.of("1", "2"), takenIds());
        assertFalse(taken.get(0).has("telemetry"));
        assertEquals(List.of(), lines.written);
    }

    @Test
    void aServiceThatRefusesEveryBodyIsAskedABoundedNumberOfTimes() throws InterruptedException {
        answer(413, "{}");
        sender.deliver(batch("1", "2", "3", "4"));
        assertEquals(7, service.requests.get());
    }

    @Test
    void anOutcomeThatTheServiceRejectsAmongOthersIsCounted() throws InterruptedException {
        answer(200, "{\"accepted\":[\"1\"],\"duplicate\":[],\"rejected\":[{\"index\":1,\"id\":\"2\",\"reason\":\"`outcomes[1].time` is missing\"}]}");
        assertLost(1, "rejected", batch("1", "2"));
        assertEquals(1, service.requests.get());
    }

    @ParameterizedTest
    @ValueSource(ints = {401, 404, 429, 503})
    void anyOtherRefusalIsTriedAgainAndAfterTheLastTryCountedByItsCause(int status) throws InterruptedException {
        answer(status, "{}");
        assertLost(2, "http_" + status, batch("1", "2"));
        assertEquals(10, service.requests.get());
    }

    @Test
    void whatIsNoAnswerOfTheServiceIsTriedAgainAndCounted() throws InterruptedException {
        answer(200, "<html>");
        assertLost(1, "garbage", batch("1"));
        assertEquals(10, service.requests.get());
    }

    @Test
    void whatTheServiceCouldNotTakeIsTakenLater() throws InterruptedException {
        service.answers((path, body, out) -> {
            if (service.requests.get() > 2) {
                take(body);
            }
            TestService.reply(out, service.requests.get() > 2 ? 200 : 503, "application/json", "{}");
        });
        sender.deliver(batch("1"));
        assertEquals(List.of("1"), takenIds());
        assertEquals(List.of(), lines.written);
    }

    @Test
    void outcomesOfARealmThatIsGoneAreNotSent() throws InterruptedException {
        sender = sender(outcome -> null);
        sender.deliver(batch("1"));
        assertEquals(0, service.requests.get());
    }

    @Test
    void whatFailsUnforeseenIsCountedAsWell() throws InterruptedException {
        sender = sender(outcome -> {
            throw new IllegalStateException("the database is away");
        });
        double before = dropped("internal");
        sender.deliver(batch("1", "2"));
        assertEquals(2, dropped("internal") - before);
    }

    /** What the extension wrote into the log. */
    private static final class Lines extends Handler {

        final List<String> written = new ArrayList<>();

        @Override
        public void publish(LogRecord line) {
            written.add(line.getMessage());
        }

        @Override
        public void flush() {
        }

        @Override
        public void close() {
        }
    }
}
