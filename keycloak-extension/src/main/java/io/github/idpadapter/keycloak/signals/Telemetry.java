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

    public static Telemetry of(HttpRequest request) {
        MultivaluedMap<String, String> form = "POST".equals(request.getHttpMethod()) ? request.getDecodedFormParameters() : null;
        String value = form == null ? null : form.getFirst(FIELD);
        return value == null ? NONE : of(value, request.getUri().getQueryParameters().getFirst("session_code"));
    }

    static Telemetry of(String value, String challenge) {
        return value.length() > MAX_CHARS ? new Telemetry(null, challenge, "oversized") : new Telemetry(value, challenge, null);
    }
}
