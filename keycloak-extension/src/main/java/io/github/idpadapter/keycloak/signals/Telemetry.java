package io.github.idpadapter.keycloak.signals;

import jakarta.ws.rs.core.MultivaluedMap;
import org.keycloak.http.HttpRequest;

/**
 * What the form's script sent, untouched, with the challenge that it has to be about: the form's own session code. Too long a
 * value is dropped here, and that is told; a missing one is none, and no fault.
 */
public record Telemetry(String value, String challenge, String dropped) {

    static final String FIELD = "risk_telemetry";
    static final int MAX_CHARS = 24_000;
    /** No form was sent. */
    public static final Telemetry NONE = new Telemetry(null, null, null);

    /**
     * Heard at a form's own address alone, where Keycloak takes the session code back before any step runs. Elsewhere the code in the
     * query is the caller's word, and an old form's telemetry would be believed once more.
     */
    public static Telemetry of(HttpRequest request) {
        boolean ofForm = "POST".equals(request.getHttpMethod()) && request.getUri().getPath().contains("/login-actions/");
        MultivaluedMap<String, String> form = ofForm ? request.getDecodedFormParameters() : null;
        String value = form == null ? null : form.getFirst(FIELD);
        return value == null ? NONE : of(value, request.getUri().getQueryParameters().getFirst("session_code"));
    }

    static Telemetry of(String value, String challenge) {
        return value.length() > MAX_CHARS ? new Telemetry(null, challenge, "oversized") : new Telemetry(value, challenge, null);
    }
}
