package io.github.idpadapter.keycloak.decision;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.nio.charset.StandardCharsets;
import java.security.PublicKey;
import java.util.Base64;

/**
 * Believes a decision only when the service signed it (ES256 and nothing else), for this realm, for this very question, just now.
 * The algorithm is pinned here and not read from the token, so neither {@code none} nor a key used as an HMAC secret can pass.
 */
final class DecisionVerifier {

    static final String TYPE = "evaluation+jwt";
    private static final int MAX_AGE_S = 60;
    private static final int SKEW_S = 5;
    private static final JsonMapper STRICT = JsonMapper.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).build();

    /** Gives the service's key of an id other than {@code failed}, or null. */
    @FunctionalInterface
    interface Keys {
        PublicKey get(String kid, PublicKey failed) throws Unavailable;
    }

    /** What the decision has to be about. */
    record Expected(String issuer, String audience, String txn, long nowS) {
    }

    private DecisionVerifier() {
    }

    /** Returns the evaluation in a token that holds in every respect. */
    static JsonNode verify(String token, Keys keys, Expected expected) throws Unavailable {
        String[] parts = token.strip().split("\\.", -1);
        if (parts.length != 3) {
            throw new Unavailable(token.strip().startsWith("{") ? "unsigned" : "garbage");
        }
        checkSignature(parts, keys);
        JsonNode claims = json(parts[1]);
        checkClaims(claims, expected);
        return claims.path("evaluation");
    }

    private static void checkSignature(String[] parts, Keys keys) throws Unavailable {
        JsonNode header = json(parts[0]);
        if ("none".equalsIgnoreCase(header.path("alg").asText()) || parts[2].isEmpty()) {
            throw new Unavailable("unsigned");
        }
        boolean isOurs = "ES256".equals(header.path("alg").asText()) && TYPE.equals(header.path("typ").asText())
                && !header.has("crit") && header.path("kid").isTextual();
        if (!isOurs || !isSigned(parts, keys, header.path("kid").textValue())) {
            throw new Unavailable("wrong_signature");
        }
    }

    private static boolean isSigned(String[] parts, Keys keys, String kid) throws Unavailable {
        PublicKey key = keys.get(kid, null);
        if (key == null || isSigned(parts, key)) {
            return key != null;
        }
        PublicKey replaced = keys.get(kid, key); // the service may have lost its key and made another under the same name
        return replaced != null && isSigned(parts, replaced);
    }

    private static boolean isSigned(String[] parts, PublicKey key) throws Unavailable {
        return Es256.verifies(key, (parts[0] + '.' + parts[1]).getBytes(StandardCharsets.US_ASCII), bytes(parts[2]));
    }

    private static void checkClaims(JsonNode claims, Expected expected) throws Unavailable {
        long issued = claims.path("iat").asLong(0);
        long expires = claims.path("exp").asLong(0);
        long now = expected.nowS();
        if (!expected.issuer().equals(claims.path("iss").asText())) {
            throw new Unavailable("wrong_issuer");
        }
        if (!expected.audience().equals(claims.path("aud").asText())) {
            throw new Unavailable("wrong_audience");
        }
        if (issued > now + SKEW_S || issued < now - MAX_AGE_S - SKEW_S || expires < now - SKEW_S || expires > issued + MAX_AGE_S) {
            throw new Unavailable("stale");
        }
        if (!expected.txn().equals(claims.path("txn").asText())) {
            throw new Unavailable("wrong_txn");
        }
    }

    private static JsonNode json(String part) throws Unavailable {
        try {
            return STRICT.readTree(new String(bytes(part), StandardCharsets.UTF_8));
        } catch (JsonProcessingException broken) {
            throw new Unavailable("garbage");
        }
    }

    private static byte[] bytes(String part) throws Unavailable {
        try {
            return Base64.getUrlDecoder().decode(part);
        } catch (IllegalArgumentException broken) {
            throw new Unavailable("garbage");
        }
    }
}
