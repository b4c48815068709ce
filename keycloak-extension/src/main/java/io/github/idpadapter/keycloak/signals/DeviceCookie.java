package io.github.idpadapter.keycloak.signals;

import jakarta.ws.rs.core.Cookie;
import jakarta.ws.rs.core.NewCookie;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.Optional;
import org.keycloak.common.util.Time;
import org.keycloak.models.KeycloakSession;
import org.keycloak.services.Urls;

/**
 * The browser's name in this realm: long-lived, first-party, out of reach of scripts, signed by the realm so that none can be
 * made up. It is given when an authentication completes, never to whoever just looks at the form.
 */
public final class DeviceCookie {

    static final String NAME = "RISK_DEVICE";
    private static final int LIFE_S = 400 * 86_400;
    private static final int RENEW_AFTER_S = 30 * 86_400;
    private static final SecureRandom RANDOM = new SecureRandom();

    private DeviceCookie() {
    }

    /** Returns the browser's id, or null. */
    public static String id(KeycloakSession session) {
        return read(session).map(DeviceToken::getId).orElse(null);
    }

    /** Gives the browser an id, or its own again before it runs out. */
    public static void give(KeycloakSession session) {
        Optional<DeviceToken> present = read(session);
        int now = Time.currentTime();
        if (present.isPresent() && present.get().getIat() > now - RENEW_AFTER_S) {
            return;
        }
        DeviceToken token = new DeviceToken();
        token.id(present.map(DeviceToken::getId).orElseGet(DeviceCookie::newId));
        token.type(DeviceToken.TYPE).iat((long) now).exp((long) now + LIFE_S);
        session.getContext().getHttpResponse().setCookieIfAbsent(new NewCookie.Builder(NAME).value(session.tokens().encode(token))
                .path(path(session)).maxAge(LIFE_S).secure(true).httpOnly(true).sameSite(NewCookie.SameSite.LAX).build());
    }

    private static Optional<DeviceToken> read(KeycloakSession session) {
        Cookie cookie = session.getContext().getRequestHeaders().getCookies().get(NAME);
        DeviceToken token = cookie == null ? null : session.tokens().decode(cookie.getValue(), DeviceToken.class);
        boolean holds = token != null && DeviceToken.TYPE.equals(token.getType()) && token.getId() != null && token.isActive();
        return holds ? Optional.of(token) : Optional.empty();
    }

    private static String newId() {
        byte[] id = new byte[16];
        RANDOM.nextBytes(id);
        return Base64.getUrlEncoder().withoutPadding().encodeToString(id);
    }

    private static String path(KeycloakSession session) {
        return Urls.realmBase(session.getContext().getUri().getBaseUri()).path("{realm}")
                .build(session.getContext().getRealm().getName())
                .getRawPath() + '/';
    }
}
