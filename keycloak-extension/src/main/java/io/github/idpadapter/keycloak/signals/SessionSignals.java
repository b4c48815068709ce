package io.github.idpadapter.keycloak.signals;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.idpadapter.keycloak.decision.AcrLadder;
import io.github.idpadapter.keycloak.decision.RiskNotes;
import java.util.List;
import org.keycloak.authentication.authenticators.util.AuthenticatorUtils;
import org.keycloak.common.util.Time;
import org.keycloak.models.AuthenticatedClientSessionModel;
import org.keycloak.models.ClientModel;
import org.keycloak.models.Constants;
import org.keycloak.models.UserSessionModel;
import org.keycloak.protocol.oidc.utils.AmrUtils;
import org.keycloak.services.managers.AuthenticationManager;
import org.keycloak.sessions.AuthenticationSessionModel;

/** What was proved so far, and how long ago. */
public final class SessionSignals {

    private SessionSignals() {
    }

    /** A login under way at a level; {@code existing} is the session that it continues, or null. */
    public static ObjectNode ofLogin(AuthenticationSessionModel login, int level, UserSessionModel existing) {
        String done = login.getUserSessionNotes().get(Constants.AUTHENTICATORS_COMPLETED);
        ObjectNode session = EvaluationRequest.object();
        session.put("sid", existing == null ? login.getParentSession().getId() : existing.getId());
        session.put("acr", AcrLadder.of(login.getClient()).acr(level));
        session.set("amr", EvaluationRequest.array(methods(done, login)));
        addTimes(session, existing);
        return session;
    }

    /** A session whose tokens are asked for. */
    public static ObjectNode ofTokens(UserSessionModel userSession, AuthenticatedClientSessionModel clientSession, ClientModel client) {
        ObjectNode session = EvaluationRequest.object().put("sid", userSession.getId());
        session.put("acr", acr(clientSession, client));
        List<String> amr = AmrUtils.getAuthenticationExecutionReferences(AuthenticatorUtils.parseCompletedExecutions(
                userSession.getNote(Constants.AUTHENTICATORS_COMPLETED)), userSession.getRealm());
        session.set("amr", EvaluationRequest.array(amr));
        addTimes(session, userSession);
        return session;
    }

    private static String acr(AuthenticatedClientSessionModel clientSession, ClientModel client) {
        String level = clientSession == null ? null : clientSession.getNote(Constants.LEVEL_OF_AUTHENTICATION);
        return level == null ? null : AcrLadder.of(client).acr(Integer.parseInt(level));
    }

    private static List<String> methods(String completed, AuthenticationSessionModel login) {
        return AmrUtils.getAuthenticationExecutionReferences(AuthenticatorUtils.parseCompletedExecutions(completed), login.getRealm());
    }

    private static void addTimes(ObjectNode session, UserSessionModel existing) {
        int now = Time.currentTime();
        String authTime = existing == null ? null : existing.getNote(AuthenticationManager.AUTH_TIME);
        session.put("auth_time", authTime == null ? now : Integer.parseInt(authTime));
        session.put("offline", existing != null && existing.isOffline());
        session.put("age_s", existing == null ? 0 : Math.max(0, now - existing.getStarted()));
        String owed = existing == null ? null : existing.getNote(RiskNotes.OWED_LOA);
        session.put("step_up_owed", owed != null && !owed.isEmpty());
    }
}
