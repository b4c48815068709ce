package io.github.idpadapter.keycloak.outcomes;

import io.github.idpadapter.keycloak.decision.AcrLadder;
import io.github.idpadapter.keycloak.decision.Decision;
import io.github.idpadapter.keycloak.decision.RiskNotes;
import java.util.List;
import org.keycloak.authentication.authenticators.util.AuthenticatorUtils;
import org.keycloak.events.Event;
import org.keycloak.events.EventType;
import org.keycloak.models.AuthenticatedClientSessionModel;
import org.keycloak.models.ClientModel;
import org.keycloak.models.Constants;
import org.keycloak.models.KeycloakSession;
import org.keycloak.models.RealmModel;
import org.keycloak.models.UserSessionModel;
import org.keycloak.protocol.oidc.utils.AmrUtils;

/** What the session of an event knows beyond the event: the decision, the methods, the acr that was reached. */
record EventSession(String decisionId, boolean isSteppedUp, boolean isMachine, String acr, List<String> methods) {

    static EventSession of(KeycloakSession session, RealmModel realm, Event event) {
        String told = OutcomeType.details(event).get(RiskNotes.EVENT_DECISION_ID);
        boolean isMachine = event.getType() == EventType.CLIENT_LOGIN || event.getType() == EventType.CLIENT_LOGIN_ERROR;
        if (event.getType() == EventType.CLIENT_LOGIN) { // its events take no details; its decision is of this very request
            Decision decision = session.getAttribute(RiskNotes.REQUEST_DECISION, Decision.class);
            return new EventSession(decision == null ? null : decision.id(), false, true, null, List.of());
        }
        boolean isLogin = event.getType() == EventType.LOGIN;
        UserSessionModel found = isLogin && event.getSessionId() != null
                ? session.sessions().getUserSession(realm, event.getSessionId()) : null;
        if (found == null) {
            return new EventSession(told, false, isMachine, null, List.of());
        }
        String ofLogin = told == null ? text(found.getNote(RiskNotes.TO_REPORT)) : told;
        boolean steppedUp = ofLogin != null && text(found.getNote(RiskNotes.STEPPED_UP)) != null;
        if (text(found.getNote(RiskNotes.TO_REPORT)) != null) {
            found.setNote(RiskNotes.TO_REPORT, ""); // a login that asks nobody must not be told as this decision's
        }
        return new EventSession(ofLogin, steppedUp, isMachine, acr(realm, found, event.getClientId()), methods(realm, found));
    }

    private static String acr(RealmModel realm, UserSessionModel found, String clientId) {
        AuthenticatedClientSessionModel clientSession = ofClient(realm, found, clientId);
        String level = clientSession == null ? null : clientSession.getNote(Constants.LEVEL_OF_AUTHENTICATION);
        return level == null ? null : AcrLadder.of(clientSession.getClient()).acr(Integer.parseInt(level));
    }

    /** What an event's client has of a session; null where it has nothing. */
    static AuthenticatedClientSessionModel ofClient(RealmModel realm, UserSessionModel found, String clientId) {
        ClientModel client = clientId == null ? null : realm.getClientByClientId(clientId);
        return client == null ? null : found.getAuthenticatedClientSessionByClient(client.getId());
    }

    private static List<String> methods(RealmModel realm, UserSessionModel found) {
        return AmrUtils.getAuthenticationExecutionReferences(
                AuthenticatorUtils.parseCompletedExecutions(found.getNote(Constants.AUTHENTICATORS_COMPLETED)), realm);
    }

    private static String text(String note) {
        return note == null || note.isEmpty() ? null : note;
    }
}
