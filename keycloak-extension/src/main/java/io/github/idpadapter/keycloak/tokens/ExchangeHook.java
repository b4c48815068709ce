package io.github.idpadapter.keycloak.tokens;

import io.github.idpadapter.keycloak.decision.Decision;
import io.github.idpadapter.keycloak.decision.Hook;
import io.github.idpadapter.keycloak.decision.RiskNotes;
import org.keycloak.models.AuthenticatedClientSessionModel;
import org.keycloak.models.ClientModel;
import org.keycloak.models.Constants;
import org.keycloak.models.KeycloakSession;
import org.keycloak.models.RealmModel;
import org.keycloak.models.UserModel;
import org.keycloak.models.UserSessionModel;
import org.keycloak.protocol.oidc.token.TokenPostProcessorContext;
import org.keycloak.representations.AccessToken;
import org.keycloak.services.clientpolicy.ClientPolicyException;
import org.keycloak.services.clientpolicy.context.TokenExchangeRequestContext;

/**
 * A client exchanges a token: asked about the token's subject, for the client that exchanges. There is no event for the answer,
 * so the tokens are shaped by a post-processor; and Keycloak forgets the client's own level meanwhile, which is put back.
 */
final class ExchangeHook {

    private static final String OWN_LEVEL = "risk.exchange.own_level";

    private final KeycloakSession session;

    ExchangeHook(KeycloakSession session) {
        this.session = session;
    }

    void ask(TokenExchangeRequestContext context) throws ClientPolicyException {
        ClientModel client = context.getClient();
        AccessToken token = session.tokens().decode(context.getTokenExchangeContext().getParams().getSubjectToken(), AccessToken.class);
        if (token == null || !token.isActive()) {
            return; // another issuer's, or none that holds: Keycloak's to judge
        }
        RealmModel realm = session.getContext().getRealm();
        UserSessionModel userSession = token.getSessionId() == null ? null : sessionOf(realm, token.getSessionId());
        UserModel user = userSession != null ? userSession.getUser() : session.users().getUserById(realm, token.getSubject());
        if (user == null) {
            return;
        }
        AuthenticatedClientSessionModel own =
                userSession == null ? null : userSession.getAuthenticatedClientSessionByClient(client.getId());
        TokenQuestion question = TokenQuestion.ofClient(session, Hook.TOKEN_EXCHANGE, client).scope(context.getScopeParameter());
        Decision decision = (userSession == null ? question.about(user) : question.about(userSession, own)).ask();
        Refusal.unlessPermitted(session, userSession, client, decision);
        session.setAttribute(RiskNotes.REQUEST_DECISION, decision);
        if (own != null && own.getNote(Constants.LEVEL_OF_AUTHENTICATION) != null) {
            session.setAttribute(OWN_LEVEL, own.getNote(Constants.LEVEL_OF_AUTHENTICATION));
        }
    }

    private UserSessionModel sessionOf(RealmModel realm, String id) {
        UserSessionModel online = session.sessions().getUserSession(realm, id);
        return online != null ? online : session.sessions().getOfflineUserSession(realm, id);
    }

    void shape(TokenPostProcessorContext tokens) {
        Decision decision = session.getAttribute(RiskNotes.REQUEST_DECISION, Decision.class);
        if (decision == null) {
            return;
        }
        AuthenticatedClientSessionModel clientSession = tokens.clientSessionCtx().getClientSession();
        TokenShaper.shorten(tokens.accessToken(), decision.obligations().accessTokenLifespanS());
        TokenShaper.shorten(tokens.refreshToken(), decision.obligations().refreshTokenLifespanS());
        String own = session.getAttribute(OWN_LEVEL, String.class);
        if (own != null) {
            clientSession.setNote(Constants.LEVEL_OF_AUTHENTICATION, own);
        }
        TokenShaper.lower(clientSession, tokens.accessToken(), null, decision.obligations().maxAcr());
    }
}
