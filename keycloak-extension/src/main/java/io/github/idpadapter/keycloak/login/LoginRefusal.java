package io.github.idpadapter.keycloak.login;

import io.github.idpadapter.keycloak.decision.Decision;
import io.github.idpadapter.keycloak.decision.RiskNotes;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Response;
import org.keycloak.OAuthErrorException;
import org.keycloak.authentication.AuthenticationFlowContext;
import org.keycloak.representations.idm.OAuth2ErrorRepresentation;

/**
 * Ends a login that a decision refused. It sticks: reloading the page would ask again, without telemetry, and could let the user
 * in. It is a challenge and no failure: a failure counts as a wrong password and locks the account after a few.
 */
final class LoginRefusal {

    static final String DENIED = "riskDenied";
    static final String NO_FACTOR = "riskStepUpUnavailable";
    private static final String STANDS = "risk.refused";

    private final AuthenticationFlowContext context;

    LoginRefusal(AuthenticationFlowContext context) {
        this.context = context;
    }

    /** Shows the refusal again, if there was one; returns whether. */
    boolean stands() {
        String message = context.getAuthenticationSession().getAuthNote(STANDS);
        if (message != null) {
            context.forceChallenge(page(message));
        }
        return message != null;
    }

    void deny(Decision decision, String message) {
        end(RiskNotes.ERROR_DENIED, message, isDirectGrant(context) ? json(decision) : page(message));
    }

    /** Nobody refused, but the application asks for what the user doesn't have. */
    void lackFactor() {
        end(RiskNotes.ERROR_NO_FACTOR, NO_FACTOR, page(NO_FACTOR));
    }

    private void end(String error, String message, Response answer) {
        context.getAuthenticationSession().setAuthNote(STANDS, message);
        context.getEvent().user(context.getUser()).error(error);
        context.forceChallenge(answer);
    }

    /** Whether there is no browser to show a page to. */
    static boolean isDirectGrant(AuthenticationFlowContext context) {
        return "token".equals(context.getFlowPath());
    }

    private Response page(String message) {
        return context.form().setError(message).createErrorPage(Response.Status.FORBIDDEN);
    }

    private static Response json(Decision decision) {
        return Response.status(Response.Status.BAD_REQUEST).type(MediaType.APPLICATION_JSON_TYPE)
                .entity(new OAuth2ErrorRepresentation(OAuthErrorException.INVALID_GRANT, decision.refusalText())).build();
    }
}
