package io.github.idpadapter.keycloak.decision;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.micrometer.core.instrument.Metrics;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class DecisionClientTest {

    private static final String ISSUER = "https://kc/realms/a";
    private final TestKeys keys = new TestKeys();
    private final Map<String, String> options = new HashMap<>(Map.of("token-budget-ms", "300", "login-budget-ms", "300"));
    private TestService service;
    private DecisionClient client;

    @BeforeAll
    static void count() {
        Metrics.addRegistry(new SimpleMeterRegistry());
    }

    @BeforeEach
    void start() throws IOException {
        service = new TestService(this::decide);
    }

    @AfterEach
    void stop() throws IOException {
        service.close();
    }

    private void decide(String path, String body, OutputStream out) throws Exception {
        if (path.endsWith("jwks.json")) {
            TestService.reply(out, 200, "application/json", keys.jwks());
            return;
        }
        JsonNode question = TestKeys.JSON.readTree(body);
        Map<String, Object> claims = TestKeys.claims(service.url().toString(), ISSUER, question.path("context").path("txn").asText(),
                System.currentTimeMillis() / 1000, Map.of("decision", true, "context", Map.of("decision_id", "d1")));
        TestService.reply(out, 200, "application/evaluation+jwt", keys.sign(TestKeys.header(), claims));
    }

    private Decision ask(Hook hook) {
        if (client == null) {
            client = TestService.client(service.url(), options);
        }
        ObjectNode question = TestKeys.JSON.createObjectNode();
        question.putObject("context").put("txn", "t-" + System.nanoTime());
        return client.decide(hook, ISSUER, issuer -> "token", question);
    }

    private void answer(int status, String type, String body) {
        service.answers((path, question, out) -> TestService.reply(out, status, type, body));
    }

    @Test
    void aDecisionThatHoldsIsReturnedAndTheConnectionKept() {
        ask(Hook.LOGIN);
        Decision decision = ask(Hook.LOGIN);
        assertEquals("d1", decision.id());
        assertTrue(decision.permit());
        assertEquals(3, service.requests.get());
        assertEquals(1, service.connections.get());
    }

    @Test
    void aServerThatDripsBytesCostsTheBudgetAndNoMore() {
        service.answers((path, question, out) -> {
            out.write("HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n".getBytes());
            for (int i = 0; i < 500; i++) {
                out.write('a');
                out.flush();
                Thread.sleep(20);
            }
        });
        assertWithinBudget("timeout");
    }

    @Test
    void aServerThatNeverAnswersCostsTheBudgetAndNoMore() {
        service.answers((path, question, out) -> Thread.sleep(10_000));
        assertWithinBudget("timeout");
    }

    @Test
    void aHostThatDropsConnectionAttemptsCostsTheBudgetAndNoMore() throws IOException {
        List<Socket> queued = new ArrayList<>();
        try (ServerSocket full = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            for (int i = 0; i < 4; i++) { // past its backlog the system drops what asks for a connection
                Socket socket = new Socket();
                queued.add(socket);
                try {
                    socket.connect(full.getLocalSocketAddress(), 100);
                } catch (SocketTimeoutException dropped) {
                    break;
                }
            }
            client = TestService.client(URI.create("http://127.0.0.1:" + full.getLocalPort()), options);
            assertWithinBudget("timeout");
        }
    }

    private void assertWithinBudget(String cause) {
        long begun = System.nanoTime();
        assertEquals(cause, ask(Hook.LOGIN).unavailable());
        long ms = (System.nanoTime() - begun) / 1_000_000;
        assertTrue(ms < 600, "took " + ms + " ms");
    }

    @Test
    void whatIsNoDecisionIsNamedByItsCause() throws IOException {
        options.put("breaker-failures", "1000");
        answer(200, "application/evaluation+jwt", "<html>");
        assertEquals("garbage", ask(Hook.LOGIN).unavailable());
        answer(200, "application/json", "{\"decision\":true}");
        assertEquals("unsigned", ask(Hook.LOGIN).unavailable());
        answer(503, "text/plain", "");
        assertEquals("http_503", ask(Hook.LOGIN).unavailable());
        answer(200, "application/evaluation+jwt", "a".repeat(70_000));
        assertEquals("oversized", ask(Hook.LOGIN).unavailable());
        service.answers((path, question, out) -> {
            out.write("SSH-2.0-x\r\n\r\n".getBytes());
            out.flush();
        });
        assertEquals("garbage", ask(Hook.LOGIN).unavailable());
        service.close();
        assertEquals("refused", ask(Hook.LOGIN).unavailable());
        assertTrue(Metrics.counter("risk.unavailable", "hook", "login", "cause", "http_503", "mode", "step-up").count() >= 1);
    }

    @Test
    void eachFamilyHasItsFailMode() {
        answer(500, "text/plain", "");
        Decision login = ask(Hook.LOGIN);
        assertEquals(List.of("urn:idp-adapter:acr:mfa"), login.acrValues());
        assertTrue(login.isStepUp());
        Decision refresh = ask(Hook.REFRESH);
        assertTrue(refresh.permit());
        assertEquals(60, refresh.obligations().accessTokenLifespanS());
        assertEquals(600, refresh.obligations().refreshTokenLifespanS());
        options.put("login-fail-mode", "deny");
        options.put("machine-fail-mode", "allow");
        client = null;
        assertTrue(ask(Hook.LOGIN).isRefusal());
        assertEquals(Obligations.NONE, ask(Hook.CLIENT_CREDENTIALS).obligations());
    }

    @Test
    void failuresInARowStopTheCallsAndRejectedRequestsDoNot() {
        answer(400, "application/problem+json", "{}");
        for (int i = 0; i < 10; i++) {
            assertEquals("http_400", ask(Hook.LOGIN).unavailable());
        }
        answer(500, "text/plain", "");
        for (int i = 0; i < 5; i++) {
            assertEquals("http_500", ask(Hook.LOGIN).unavailable());
        }
        int before = service.requests.get();
        assertEquals("breaker", ask(Hook.LOGIN).unavailable());
        assertEquals(before, service.requests.get());
    }

    @Test
    void noMoreThanTheBulkheadWaitAtOnce() throws Exception {
        options.put("bulkhead", "2");
        options.put("login-budget-ms", "3000");
        CountDownLatch arrived = new CountDownLatch(2);
        CountDownLatch release = new CountDownLatch(1);
        service.answers((path, question, out) -> {
            arrived.countDown();
            release.await();
            decide(path, question, out);
        });
        client = TestService.client(service.url(), options);
        CompletableFuture<Decision> one = CompletableFuture.supplyAsync(() -> ask(Hook.LOGIN));
        CompletableFuture<Decision> two = CompletableFuture.supplyAsync(() -> ask(Hook.LOGIN));
        arrived.await();
        assertEquals("bulkhead", ask(Hook.LOGIN).unavailable());
        release.countDown();
        assertEquals("d1", one.get().id());
        assertEquals("d1", two.get().id());
    }

    @Test
    void aConnectionThatTheServerClosedMeanwhileIsReplaced() throws Exception {
        service.answers((path, question, out) -> {
            decide(path, question, out);
            if (!path.endsWith("jwks.json")) {
                throw new IOException("closes after each answer, unannounced");
            }
        });
        options.put("login-budget-ms", "3000");
        for (int i = 0; i < 20; i++) {
            assertNull(ask(Hook.LOGIN).unavailable());
        }
    }

    @Test
    void aServiceThatWasStartedAnewIsAskedAtOnceHoweverManyConnectionsWereKept() throws Exception {
        options.put("login-budget-ms", "3000");
        ask(Hook.LOGIN);
        CountDownLatch together = new CountDownLatch(4);
        service.answers((path, question, out) -> {
            together.countDown();
            together.await();
            decide(path, question, out);
        });
        List<CompletableFuture<Decision>> asked = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            asked.add(CompletableFuture.supplyAsync(() -> ask(Hook.LOGIN), task -> new Thread(task).start()));
        }
        for (CompletableFuture<Decision> each : asked) {
            assertNull(each.get().unavailable());
        }
        assertEquals(4, service.connections.get());
        service.cut();
        assertNull(ask(Hook.LOGIN).unavailable());
    }

    @Test
    void anUnknownKeyIsFetchedOnceInAWhile() {
        ask(Hook.LOGIN);
        TestKeys next = new TestKeys();
        service.answers((path, question, out) -> {
            JsonNode asked = TestKeys.JSON.readTree(question.isEmpty() ? "{}" : question);
            Map<String, Object> header = TestKeys.header();
            header.put("kid", "k2");
            TestService.reply(out, 200, path.endsWith("jwks.json") ? "application/json" : "application/evaluation+jwt",
                    path.endsWith("jwks.json") ? next.jwks().replace("k1", "k2") : next.sign(header,
                            TestKeys.claims(service.url().toString(), ISSUER, asked.path("context").path("txn").asText(),
                                    System.currentTimeMillis() / 1000, Map.of("decision", true))));
        });
        int before = service.requests.get();
        assertEquals("wrong_signature", ask(Hook.LOGIN).unavailable());
        assertEquals(before + 1, service.requests.get());
    }

    @Test
    void switchedOffItAsksNobody() {
        options.put("enabled", "false");
        assertTrue(ask(Hook.LOGIN).permit());
        assertEquals(0, service.requests.get());
        assertFalse(client.knows(ISSUER));
    }
}
