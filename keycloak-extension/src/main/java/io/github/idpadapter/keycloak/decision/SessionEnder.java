package io.github.idpadapter.keycloak.decision;

import io.github.idpadapter.keycloak.decision.Obligations.SessionFate;
import java.util.List;
import org.keycloak.events.EventBuilder;
import org.keycloak.events.EventType;
import org.keycloak.models.AbstractKeycloakTransaction;
import org.keycloak.models.KeycloakSession;
import org.keycloak.models.RealmModel;
import org.keycloak.models.UserModel;
import org.keycloak.models.UserSessionModel;
import org.keycloak.models.utils.KeycloakModelUtils;
import org.keycloak.services.managers.AuthenticationManager;

/**
 * Ends sessions because a decision says so, with back-channel logout and a LOGOUT event. In a transaction of its own: the
 * request is refused next, and its rollback would leave the session alive after applications were told that it is over.
 */
public final class SessionEnder {

    private SessionEnder() {
    }

    /** Ends what the decision names: nothing, this session, or all of the user. */
    public static void apply(KeycloakSession session, UserSessionModel userSession, Decision decision) {
        ending(session, userSession, decision).run();
    }

    /** The same once the request is through, for a session that the request has only just made: nobody else sees it before. */
    public static void applyAfterwards(KeycloakSession session, UserSessionModel userSession, Decision decision) {
        Runnable ending = ending(session, userSession, decision);
        session.getTransactionManager().enlistAfterCompletion(new AbstractKeycloakTransaction() {
            @Override
            protected void commitImpl() {
                ending.run();
            }

            @Override
            protected void rollbackImpl() {
                ending.run(); // a session of before is still there
            }
        });
    }

    private static Runnable ending(KeycloakSession session, UserSessionModel userSession, Decision decision) {
        SessionFate fate = decision.obligations().session();
        if (fate == SessionFate.KEEP || userSession == null) {
            return () -> { };
        }
        String realmId = session.getContext().getRealm().getId();
        String userId = userSession.getUser() == null ? null : userSession.getUser().getId();
        String sessionId = userSession.getId();
        boolean offline = userSession.isOffline();
        return () -> KeycloakModelUtils.runJobInTransaction(session.getKeycloakSessionFactory(), session.getContext(), own -> {
            RealmModel realm = own.realms().getRealm(realmId);
            own.getContext().setRealm(realm); // the context that is handed over doesn't bring it
            UserSessionModel found = offline ? own.sessions().getOfflineUserSession(realm, sessionId)
                    : own.sessions().getUserSession(realm, sessionId);
            if (found != null) {
                end(own, realm, found, decision);
            }
            if (fate == SessionFate.END_ALL && userId != null) {
                endAll(own, realm, userId, decision);
            }
        });
    }

    private static void endAll(KeycloakSession own, RealmModel realm, String userId, Decision decision) {
        UserModel user = own.users().getUserById(realm, userId);
        if (user != null) {
            List.copyOf(own.sessions().getUserSessionsStream(realm, user).toList()).forEach(each -> end(own, realm, each, decision));
            List.copyOf(own.sessions().getOfflineUserSessionsStream(realm, user).toList())
                    .forEach(each -> end(own, realm, each, decision));
        }
    }

    private static void end(KeycloakSession own, RealmModel realm, UserSessionModel userSession, Decision decision) {
        new EventBuilder(realm, own, own.getContext().getConnection()).event(EventType.LOGOUT).user(userSession.getUser())
                .session(userSession.getId()).detail(RiskNotes.EVENT_DECISION_ID, decision.id())
                .detail(RiskNotes.EVENT_LEVEL, decision.level()).success();
        AuthenticationManager.backchannelLogout(own, realm, userSession, own.getContext().getUri(),
                own.getContext().getConnection(), own.getContext().getRequestHeaders(), true);
    }
}
