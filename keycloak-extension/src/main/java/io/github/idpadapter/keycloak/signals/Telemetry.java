package io.github.idpadapter.keycloak.signals;

import com.fasterxml.jackson.core.io.JsonStringEncoder;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.idpadapter.keycloak.decision.RiskNotes;
import jakarta.ws.rs.core.MultivaluedMap;
import org.keycloak.http.HttpRequest;
import org.keycloak.sessions.AuthenticationSessionModel;

/**
 * What the form's script sent, untouched, with the challenge that it has to be about: the form's own session code. Too long a
 * value is dropped here, and that is told; a missing one is none, and no fault.
 */
public record Telemetry(String value, String challenge, String dropped) {

    static final String FIELD = "risk_telemetry";
    /** Of the value, and of its bytes as JSON: a browser could else make the question longer than the service reads. */
    static final int MAX_CHARS = 24_000;
    /** The member of an outcome that holds it. */
    public static final String OUTCOME_MEMBER = "telemetry";
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
        boolean isTooLong = value.length() > MAX_CHARS || JsonStringEncoder.getInstance().quoteAsUTF8(value).length > MAX_CHARS;
        return isTooLong ? new Telemetry(null, challenge, "oversized") : new Telemetry(value, challenge, null);
    }

    /** Keeps it with the login for its outcome, instead of an earlier attempt's: nobody is asked once a code is typed. */
    public void keepFor(AuthenticationSessionModel login) {
        if (value == null) {
            login.removeAuthNote(RiskNotes.CODE_TELEMETRY);
            login.removeAuthNote(RiskNotes.CODE_CHALLENGE);
        } else {
            login.setAuthNote(RiskNotes.CODE_TELEMETRY, value);
            login.setAuthNote(RiskNotes.CODE_CHALLENGE, challenge);
        }
    }

    /** Adds what was kept with a login, if anything, to its outcome. */
    public static void addKept(AuthenticationSessionModel login, ObjectNode outcome) {
        String kept = login == null ? null : login.getAuthNote(RiskNotes.CODE_TELEMETRY);
        if (kept != null) {
            outcome.put(OUTCOME_MEMBER, kept).put("telemetry_challenge", login.getAuthNote(RiskNotes.CODE_CHALLENGE));
        }
    }
}
