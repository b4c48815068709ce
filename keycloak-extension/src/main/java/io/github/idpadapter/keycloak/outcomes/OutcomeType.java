package io.github.idpadapter.keycloak.outcomes;

import io.github.idpadapter.keycloak.decision.RiskNotes;
import java.util.Map;
import java.util.Set;
import org.keycloak.events.Details;
import org.keycloak.events.Errors;
import org.keycloak.events.Event;

/** Which of Keycloak's events tell something, and what. */
enum OutcomeType {
    LOGIN_SUCCEEDED, STEP_UP_SUCCEEDED, LOGIN_FAILED, STEP_UP_FAILED, REFUSED, CREDENTIAL_CHANGED, LOGOUT;

    private static final Set<String> WRONG =
            Set.of(Errors.INVALID_USER_CREDENTIALS, Errors.USER_NOT_FOUND, Errors.USER_TEMPORARILY_DISABLED);

    /** The type of an event; null where it tells nothing. A changed password has two events, of which one is used. */
    static OutcomeType of(Event event, boolean steppedUp) {
        switch (event.getType()) {
            case LOGIN:
                return steppedUp ? STEP_UP_SUCCEEDED : LOGIN_SUCCEEDED;
            case CLIENT_LOGIN:
                return LOGIN_SUCCEEDED;
            case LOGIN_ERROR:
                return ofFailedLogin(event);
            case REFRESH_TOKEN_ERROR:
            case CODE_TO_TOKEN_ERROR:
            case CLIENT_LOGIN_ERROR:
            case TOKEN_EXCHANGE_ERROR:
                return isRefused(details(event).get(Details.CLIENT_POLICY_ERROR_DETAIL)) ? REFUSED : null;
            case UPDATE_CREDENTIAL:
            case REMOVE_CREDENTIAL:
                return CREDENTIAL_CHANGED;
            case LOGOUT:
                return LOGOUT;
            default:
                return null;
        }
    }

    private static OutcomeType ofFailedLogin(Event event) {
        if (RiskNotes.ERROR_DENIED.equals(event.getError())) {
            return REFUSED;
        }
        if (!WRONG.contains(event.getError())) {
            return null;
        }
        Map<String, String> details = details(event);
        boolean afterDecision = details.containsKey(RiskNotes.EVENT_DECISION_ID) || details.containsKey(RiskNotes.EVENT_UNAVAILABLE);
        return afterDecision || details.containsKey(Details.SELECTED_CREDENTIAL_ID) ? STEP_UP_FAILED : LOGIN_FAILED;
    }

    private static boolean isRefused(String detail) {
        return detail != null && (detail.startsWith("risk_denied") || detail.startsWith("step_up_required"));
    }

    static Map<String, String> details(Event event) {
        return event.getDetails() == null ? Map.of() : event.getDetails();
    }

    String label() {
        return name().toLowerCase(java.util.Locale.ROOT);
    }
}
