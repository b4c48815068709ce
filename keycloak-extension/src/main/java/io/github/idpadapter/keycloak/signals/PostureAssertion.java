package io.github.idpadapter.keycloak.signals;

import io.github.idpadapter.keycloak.decision.RiskDecisions;
import java.util.List;
import org.keycloak.models.KeycloakSession;

/**
 * What a trusted proxy hands over of the device's posture: a signed assertion, which the service verifies. Passed on untouched, and
 * never logged: it names a device.
 */
public final class PostureAssertion {

    /** The service's bound; the one character more lets it count an assertion that is too long. */
    static final int MAX_CHARS = 8 * 1024;

    private PostureAssertion() {
    }

    /** Returns the assertion, or null where no header is listened to or none came. */
    public static String of(KeycloakSession session) {
        String header = session.getProvider(RiskDecisions.class).config().postureHeader();
        return header == null ? null : joined(session.getContext().getRequestHeaders().getRequestHeader(header));
    }

    /** Several values are none that can be believed: which is the proxy's is not told, so the service gets what is no token. */
    static String joined(List<String> values) {
        if (values == null || values.isEmpty()) {
            return null;
        }
        String all = String.join(",", values);
        return all.length() <= MAX_CHARS ? all : all.substring(0, MAX_CHARS + 1);
    }
}
