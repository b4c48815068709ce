package io.github.idpadapter.keycloak.outcomes;

import io.github.idpadapter.keycloak.decision.RiskNotes;
import org.keycloak.events.Event;
import org.keycloak.events.EventType;
import org.keycloak.models.AuthenticatedClientSessionModel;
import org.keycloak.models.KeycloakSession;
import org.keycloak.models.RealmModel;
import org.keycloak.models.UserSessionModel;
import org.keycloak.sessions.AuthenticationSessionModel;

/**
 * The decision of a login whose code nobody redeemed stays on the client's session, which the next login continues. One that
 * passed no risk step would get its tokens by it: so that login drops it, and the service is asked at the token endpoint.
 */
final class EarlierDecision {

    private EarlierDecision() {
    }

    /** Drops it, in the transaction of the login that the event tells, unless that login made a decision of its own. */
    static void dropAt(Event event, KeycloakSession session) {
        AuthenticationSessionModel login = session.getContext().getAuthenticationSession();
        if (event.getType() != EventType.LOGIN || login != null && login.getClientNote(RiskNotes.LOGIN_DECISION) != null) {
            return;
        }
        AuthenticatedClientSessionModel clientSession = clientSession(event, session);
        String earlier = clientSession == null ? null : clientSession.getNote(RiskNotes.LOGIN_DECISION);
        if (earlier != null && !earlier.isEmpty()) {
            clientSession.setNote(RiskNotes.LOGIN_DECISION, "");
        }
    }

    private static AuthenticatedClientSessionModel clientSession(Event event, KeycloakSession session) {
        RealmModel realm = session.getContext().getRealm();
        if (realm == null || !realm.getId().equals(event.getRealmId()) || event.getSessionId() == null) {
            return null;
        }
        UserSessionModel found = session.sessions().getUserSession(realm, event.getSessionId());
        return found == null ? null : EventSession.ofClient(realm, found, event.getClientId());
    }
}
