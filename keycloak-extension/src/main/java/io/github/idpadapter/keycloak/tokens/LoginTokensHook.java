package io.github.idpadapter.keycloak.tokens;

import io.github.idpadapter.keycloak.decision.Decision;
import io.github.idpadapter.keycloak.decision.Hook;
import io.github.idpadapter.keycloak.decision.RiskNotes;
import io.github.idpadapter.keycloak.decision.SessionEnder;
import io.github.idpadapter.keycloak.decision.StoredDecision;
import java.util.Optional;
import org.keycloak.models.AuthenticatedClientSessionModel;
import org.keycloak.models.ClientModel;
import org.keycloak.models.KeycloakSession;
import org.keycloak.models.UserSessionModel;
import org.keycloak.protocol.oidc.TokenManager.AccessTokenResponseBuilder;
import org.keycloak.services.clientpolicy.ClientPolicyException;
import org.keycloak.services.clientpolicy.context.ImplicitHybridTokenResponse;

/**
 * The first tokens of a login are answered by the login's own decision, once. Where there is none, say in a flow without the risk
 * step, the service is asked here; a refusal then ends the session, which would else give out tokens in silence at the next try.
 */
final class LoginTokensHook {

    private final KeycloakSession session;

    LoginTokensHook(KeycloakSession session) {
        this.session = session;
    }

    void shapeOnce(AccessTokenResponseBuilder tokens) throws ClientPolicyException {
        AuthenticatedClientSessionModel clientSession = tokens.getClientSessionCtx().getClientSession();
        Optional<Decision> ofLogin = StoredDecision.read(clientSession.getNote(RiskNotes.LOGIN_DECISION));
        if (ofLogin.isPresent() && isFirstUse(clientSession)) {
            TokenShaper.shape(tokens, ofLogin.get().obligations());
        } else {
            askAndShape(tokens, TokenQuestion.ofClient(session, Hook.TOKEN, clientSession.getClient()), SessionEnder::apply);
        }
    }

    /** Remembered in memory, for as long as the note is believed: emptying the note would write the session to the database again. */
    private boolean isFirstUse(AuthenticatedClientSessionModel clientSession) {
        String use = "risk.login_decision." + clientSession.getId() + '.' + clientSession.getNote(RiskNotes.LOGIN_DECISION).hashCode();
        return session.singleUseObjects().putIfAbsent(use, StoredDecision.LIFE_S);
    }

    /**
     * Tokens in the front channel (implicit and hybrid flow). This very login's decision answers, and stays for the code that may come
     * for its own; the client session's may still be an earlier login's here. The session of a refused login is ended when the request
     * is through: until then it may not be there for anyone else.
     */
    void shapeFront(ImplicitHybridTokenResponse front) throws ClientPolicyException {
        AccessTokenResponseBuilder tokens = front.getAccessTokenResponseBuilder();
        Optional<Decision> ofLogin = StoredDecision.read(front.getAuthenticationSession().getClientNote(RiskNotes.LOGIN_DECISION));
        if (ofLogin.isPresent()) {
            TokenShaper.shape(tokens, ofLogin.get().obligations());
        } else {
            ClientModel client = front.getClientSessionContext().getClientSession().getClient();
            askAndShape(tokens, TokenQuestion.inFront(session, Hook.TOKEN, client), SessionEnder::applyAfterwards);
        }
    }

    private void askAndShape(AccessTokenResponseBuilder tokens, TokenQuestion question, Ending ending) throws ClientPolicyException {
        AuthenticatedClientSessionModel clientSession = tokens.getClientSessionCtx().getClientSession();
        UserSessionModel userSession = clientSession.getUserSession();
        Decision decision = question.scope(tokens.getAccessToken().getScope()).about(userSession, clientSession).ask();
        if (!decision.permit()) {
            ending.of(session, userSession, decision.endingSession());
        }
        Refusal.unlessPermitted(session, null, clientSession.getClient(), decision);
        StoredDecision.note(userSession, decision);
        TokenShaper.shape(tokens, decision.obligations());
    }

    /** When the session of a refused login ends. */
    private interface Ending {
        void of(KeycloakSession session, UserSessionModel userSession, Decision decision);
    }
}
