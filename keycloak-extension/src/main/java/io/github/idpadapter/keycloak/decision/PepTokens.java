package io.github.idpadapter.keycloak.decision;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import org.keycloak.common.util.Time;
import org.keycloak.crypto.Algorithm;
import org.keycloak.crypto.KeyUse;
import org.keycloak.crypto.KeyWrapper;
import org.keycloak.crypto.SignatureProvider;
import org.keycloak.crypto.SignatureSignerContext;
import org.keycloak.jose.jws.JWSBuilder;
import org.keycloak.models.KeycloakSession;
import org.keycloak.models.RealmModel;

/**
 * What Keycloak shows to the service: a token signed by the realm's own active key, so there is no secret to share. A signature
 * by RSA costs most of a millisecond, so one token serves its realm for half a minute; a new key makes a new one at once.
 */
final class PepTokens {

    private static final int LIFE_S = 60;
    private static final int REUSE_S = 30;
    private static final int MAX_ENTRIES = 1000;

    private record Made(String token, int reuseUntil) {
    }

    private final String audience;
    private final ConcurrentMap<String, Made> made = new ConcurrentHashMap<>();

    PepTokens(String audience) {
        this.audience = audience;
    }

    String of(KeycloakSession session, RealmModel realm, String issuer) {
        String algorithm = realm.getDefaultSignatureAlgorithm();
        String signing = algorithm == null || algorithm.isBlank() ? Algorithm.RS256 : algorithm;
        KeyWrapper key = session.keys().getActiveKey(realm, KeyUse.SIG, signing);
        String place = realm.getId() + ' ' + issuer + ' ' + key.getKid();
        int now = Time.currentTime();
        Made present = made.get(place);
        if (present != null && now < present.reuseUntil() && now >= present.reuseUntil() - REUSE_S) {
            return present.token();
        }
        String token = sign(session.getProvider(SignatureProvider.class, signing).signer(key), issuer, now);
        if (made.size() >= MAX_ENTRIES) {
            made.values().removeIf(each -> each.reuseUntil() <= now);
        }
        made.put(place, new Made(token, now + REUSE_S));
        return token;
    }

    private String sign(SignatureSignerContext signer, String issuer, int now) {
        Map<String, Object> claims = new LinkedHashMap<>();
        claims.put("iss", issuer);
        claims.put("aud", audience);
        claims.put("sub", "risk-extension");
        claims.put("iat", now);
        claims.put("exp", now + LIFE_S);
        claims.put("jti", UUID.randomUUID().toString());
        return new JWSBuilder().type("pep+jwt").kid(signer.getKid()).jsonContent(claims).sign(signer);
    }
}
