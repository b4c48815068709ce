package io.github.idpadapter.keycloak.tokens;

import io.github.idpadapter.keycloak.decision.AcrLadder;
import io.github.idpadapter.keycloak.decision.Decision;
import io.github.idpadapter.keycloak.decision.RiskNotes;
import io.github.idpadapter.keycloak.decision.SessionEnder;
import jakarta.ws.rs.core.Response;
import java.util.OptionalInt;
import org.keycloak.OAuthErrorException;
import org.keycloak.common.util.Time;
import org.keycloak.models.ClientModel;
import org.keycloak.models.KeycloakSession;
import org.keycloak.models.RealmModel;
import org.keycloak.models.UserSessionModel;
import org.keycloak.models.utils.KeycloakModelUtils;
import org.keycloak.services.clientpolicy.ClientPolicyException;

/** Says no at the token endpoint, and leaves on the session what the next login has to ask for. */
final class Refusal {

    private Refusal() {
    }

    /** Refuses where the decision does; a kept session owes the level that was wanted, an ended one is gone. */
    static void unlessPermitted(KeycloakSession session, UserSessionModel userSession, ClientModel client, Decision decision)
            throws ClientPolicyException {
        if (decision.permit()) {
            return;
        }
        if (userSession != null) {
            OptionalInt level = decision.acrValues().stream().map(AcrLadder.of(client)::level).filter(OptionalInt::isPresent)
                    .mapToInt(OptionalInt::getAsInt).min();
            level.ifPresent(owed -> owe(session, userSession, owed, decision));
            SessionEnder.apply(session, userSession, decision);
        }
        throw new ClientPolicyException(OAuthErrorException.INVALID_GRANT, decision.refusalText(), Response.Status.BAD_REQUEST);
    }

    /** In a transaction of its own, as the request's may be rolled back with its error. */
    private static void owe(KeycloakSession session, UserSessionModel userSession, int level, Decision decision) {
        String realmId = session.getContext().getRealm().getId();
        String id = userSession.getId();
        Integer maxAge = decision.obligations().maxAgeS();
        int since = Time.currentTime() - (maxAge == null ? 0 : maxAge);
        KeycloakModelUtils.runJobInTransaction(session.getKeycloakSessionFactory(), session.getContext(), own -> {
            RealmModel realm = own.realms().getRealm(realmId);
            own.getContext().setRealm(realm);
            UserSessionModel online = own.sessions().getUserSession(realm, id); // logins know nothing of offline sessions
            if (online != null) {
                online.setNote(RiskNotes.OWED_LOA, String.valueOf(level));
                online.setNote(RiskNotes.OWED_AT, String.valueOf(since));
            }
        });
    }
}
