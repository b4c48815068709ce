package io.github.idpadapter.keycloak.decision;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.idpadapter.keycloak.decision.ServiceHttp.Reply;
import java.io.IOException;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import org.jboss.logging.Logger;
import org.keycloak.common.util.Time;
import org.keycloak.models.KeycloakSession;
import org.keycloak.models.RealmModel;

/**
 * The only way to the service. Whatever happens there, the caller has an answer within its budget, at most so many threads wait,
 * and every answer that isn't the service's own is counted with its cause.
 */
public final class DecisionClient {

    private static final Logger LOG = Logger.getLogger("io.github.idpadapter.keycloak");
    private static final ObjectMapper JSON = new ObjectMapper();

    private final RiskConfig config;
    private final ServiceHttp http;
    private final PepTokens tokens;
    private final ServiceKeys keys;
    private final Fallback fallback;
    private final Breaker breaker;
    private final Semaphore bulkhead;
    private final Set<String> issuers = ConcurrentHashMap.newKeySet();

    DecisionClient(RiskConfig config, ServiceHttp http) {
        this.config = config;
        this.http = http;
        this.tokens = new PepTokens(config.audience());
        this.keys = new ServiceKeys(this::jwks, () -> System.nanoTime() / 1_000_000);
        this.fallback = new Fallback(config);
        this.breaker = new Breaker(config.breakerFailures(), config.breakerOpenMs(), () -> System.nanoTime() / 1_000_000);
        this.bulkhead = new Semaphore(config.bulkhead());
        RiskMetrics.watch(breaker);
    }

    /** Returns the service's decision, or what the hook's fail mode says; {@code bearer} makes the caller's token for an issuer. */
    Decision decide(Hook hook, String issuer, UnaryOperator<String> bearer, ObjectNode request) {
        if (!config.enabled()) {
            return Decision.notAsked();
        }
        issuers.add(issuer);
        try {
            Decision decision = guarded(hook, issuer, bearer, request);
            RiskMetrics.decided(hook, decision.result());
            return decision;
        } catch (Unavailable failed) {
            return fallback.decide(hook, issuer, failed);
        }
    }

    private Decision guarded(Hook hook, String issuer, UnaryOperator<String> bearer, ObjectNode request) throws Unavailable {
        if (!bulkhead.tryAcquire()) {
            throw new Unavailable("bulkhead");
        }
        try {
            if (!breaker.permits()) {
                throw new Unavailable("breaker");
            }
            Decision decision = timed(hook, issuer, bearer, request);
            note(breaker.succeeded(), "answers again");
            return decision;
        } catch (Unavailable failed) {
            if (failed.isServiceFailure()) {
                note(breaker.failed(), "is not asked for a while: " + failed.label());
            } else if (failed.label().startsWith("http_4")) {
                breaker.succeeded();
            }
            throw failed;
        } finally {
            bulkhead.release();
        }
    }

    private Decision timed(Hook hook, String issuer, UnaryOperator<String> bearer, ObjectNode request) throws Unavailable {
        long start = System.nanoTime();
        try {
            return ask(issuer, bearer.apply(issuer), request, start + TimeUnit.MILLISECONDS.toNanos(config.budgetMs(hook)));
        } catch (RuntimeException unforeseen) {
            LOG.error("A call to the risk service failed in a way that it should not", unforeseen);
            throw new Unavailable("internal");
        } finally {
            RiskMetrics.called(hook, System.nanoTime() - start);
        }
    }

    private Decision ask(String issuer, String bearer, ObjectNode request, long deadline) throws Unavailable {
        String accept = "application/" + DecisionVerifier.TYPE;
        Reply reply = http.post("/access/v1/evaluation", accept, bearer, bytes(request), deadline);
        if (reply.status() != 200) {
            throw new Unavailable("http_" + reply.status());
        }
        if (reply.contentType().startsWith("application/json")) {
            throw new Unavailable("unsigned");
        }
        String txn = request.path("context").path("txn").asText();
        DecisionVerifier.Expected expected = new DecisionVerifier.Expected(config.decisionIssuer(), issuer, txn, Time.currentTime());
        String token = new String(reply.body(), java.nio.charset.StandardCharsets.ISO_8859_1);
        JsonNode evaluation = DecisionVerifier.verify(token, (kid, failed) -> keys.get(kid, failed, deadline), expected);
        return DecisionParser.parse(evaluation);
    }

    private byte[] jwks(long deadline) throws Unavailable {
        Reply reply = http.get("/.well-known/jwks.json", deadline);
        if (reply.status() != 200) {
            throw new Unavailable("http_" + reply.status());
        }
        return reply.body();
    }

    private static byte[] bytes(Object json) {
        try {
            return JSON.writeValueAsBytes(json);
        } catch (JsonProcessingException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    private void note(boolean changed, String what) {
        if (changed) {
            LOG.warnf("The risk service at %s %s", config.serviceUrl(), what);
        }
    }

    /** Delivers what happened after decisions; returns how many of them the service rejected. Not for request threads. */
    public int report(String bearer, ObjectNode outcomes) throws Unavailable {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(5);
        Reply reply = http.post("/v1/outcomes", "application/json", bearer, bytes(outcomes), deadline);
        if (reply.status() / 100 != 2) {
            throw new Unavailable("http_" + reply.status());
        }
        try {
            return JSON.readTree(reply.body()).path("rejected").size();
        } catch (IOException noJson) {
            throw new Unavailable("garbage");
        }
    }

    /** The token that shows who calls, for a realm and the issuer name that its users see. */
    public String bearer(KeycloakSession session, RealmModel realm, String issuer) {
        return tokens.of(session, realm, issuer);
    }

    /** Whether decisions were asked for in the name of an issuer since the start: others have nothing to report. */
    public boolean knows(String issuer) {
        return issuers.contains(issuer);
    }

    PepTokens tokens() {
        return tokens;
    }

    /** Fetches the keys, and loads the classes, away from the first login's budget. */
    void warmUp() {
        Thread thread = new Thread(() -> {
            try {
                keys.get("", null, System.nanoTime() + TimeUnit.SECONDS.toNanos(5));
            } catch (Unavailable later) {
                LOG.infof("The risk service at %s doesn't answer yet: %s", config.serviceUrl(), later.label());
            }
        }, "risk-warm-up");
        thread.setDaemon(true);
        thread.start();
    }

    void close() {
        http.close();
    }
}
