package io.github.idpadapter.keycloak.decision;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.math.BigInteger;
import java.security.GeneralSecurityException;
import java.security.PublicKey;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;

/** The service's P-256 keys by id. An unknown id fetches anew, at most once in some seconds, so that nobody can make it hammer. */
final class ServiceKeys {

    private static final long MIN_GAP_MS = 5000;
    private static final int MAX_KEYS = 20;

    /** Fetches the key set within what is left of the caller's budget. */
    @FunctionalInterface
    interface Fetch {
        byte[] jwks(long deadlineNanos) throws Unavailable;
    }

    private final Fetch fetch;
    private final LongSupplier millis;
    private final ReentrantLock fetching = new ReentrantLock();
    private volatile Map<String, PublicKey> keys = Map.of();
    private long lastFetch = Long.MIN_VALUE / 2;

    ServiceKeys(Fetch fetch, LongSupplier millis) {
        this.fetch = fetch;
        this.millis = millis;
    }

    /** Returns the key, if it isn't the one that failed; null where there is none and the service was asked just before. */
    PublicKey get(String kid, PublicKey failed, long deadlineNanos) throws Unavailable {
        PublicKey known = keys.get(kid);
        return known != null && known != failed ? known : afterRefresh(kid, failed, deadlineNanos);
    }

    private PublicKey afterRefresh(String kid, PublicKey failed, long deadlineNanos) throws Unavailable {
        lockBy(deadlineNanos);
        try {
            if (keys.get(kid) == failed && millis.getAsLong() - lastFetch >= MIN_GAP_MS) { // null is what is not known, too
                lastFetch = millis.getAsLong();
                keys = parse(fetch.jwks(deadlineNanos));
            }
            PublicKey found = keys.get(kid);
            return found == failed ? null : found;
        } catch (Unavailable unanswered) {
            lastFetch = Long.MIN_VALUE / 2; // the breaker paces an ill service; a well one must not be shut out for seconds
            throw unanswered;
        } finally {
            fetching.unlock();
        }
    }

    private void lockBy(long deadlineNanos) throws Unavailable {
        try {
            if (!fetching.tryLock(Math.max(0, deadlineNanos - System.nanoTime()), java.util.concurrent.TimeUnit.NANOSECONDS)) {
                throw new Unavailable("timeout");
            }
        } catch (InterruptedException stop) {
            Thread.currentThread().interrupt();
            throw new Unavailable("timeout");
        }
    }

    static Map<String, PublicKey> parse(byte[] jwks) throws Unavailable {
        Map<String, PublicKey> found = new HashMap<>();
        try {
            for (JsonNode jwk : new ObjectMapper().readTree(jwks).path("keys")) {
                if (isSigningKey(jwk) && found.size() < MAX_KEYS) {
                    found.put(jwk.path("kid").asText(), Es256.key(coordinate(jwk, "x"), coordinate(jwk, "y")));
                }
            }
        } catch (IOException | GeneralSecurityException | IllegalArgumentException broken) {
            throw new Unavailable("garbage");
        }
        return Map.copyOf(found);
    }

    private static boolean isSigningKey(JsonNode jwk) {
        return "EC".equals(jwk.path("kty").asText()) && "P-256".equals(jwk.path("crv").asText()) && jwk.path("kid").isTextual()
                && "sig".equals(jwk.path("use").asText("sig")) && "ES256".equals(jwk.path("alg").asText("ES256"));
    }

    private static BigInteger coordinate(JsonNode jwk, String name) {
        return new BigInteger(1, Base64.getUrlDecoder().decode(jwk.path(name).asText()));
    }
}
