package io.github.idpadapter.keycloak.decision;

import java.util.Set;

/** No decision that may be believed: the cause is a short label, for metrics and events, and never holds data. */
public final class Unavailable extends Exception {

    private static final long serialVersionUID = 1L;
    private static final Set<String> OF_THE_BODY = Set.of("http_400", "http_413", "http_422");

    private final String cause;

    Unavailable(String cause) {
        super(cause, null, false, false);
        this.cause = cause;
    }

    public String label() {
        return cause;
    }

    /** Whether the same body would be refused again, however often it is sent. Any other 4xx blames the caller, the address or the hour. */
    public boolean isOfTheBody() {
        return OF_THE_BODY.contains(cause);
    }

    /** Whether it says that the service is unwell. A 4xx blames one request, which a caller could provoke at will. */
    boolean isServiceFailure() {
        return !(cause.equals("bulkhead") || cause.equals("breaker") || cause.startsWith("http_4"));
    }
}
