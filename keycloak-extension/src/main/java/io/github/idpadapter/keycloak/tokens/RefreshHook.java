package io.github.idpadapter.keycloak.tokens;

import io.github.idpadapter.keycloak.decision.Decision;
import io.github.idpadapter.keycloak.decision.Hook;
import io.github.idpadapter.keycloak.decision.RiskNotes;
import io.github.idpadapter.keycloak.decision.StoredDecision;
import io.github.idpadapter.keycloak.signals.BindingSignals;
import org.keycloak.OAuth2Constants;
import org.keycloak.OAuthErrorException;
import org.keycloak.TokenVerifier;
import org.keycloak.common.VerificationException;
import org.keycloak.models.AuthenticatedClientSessionModel;
import org.keycloak.models.ClientModel;
import org.keycloak.models.KeycloakSession;
import org.keycloak.models.RealmModel;
import org.keycloak.models.UserSessionModel;
import org.keycloak.protocol.oidc.TokenManager;
import org.keycloak.protocol.oidc.TokenManager.AccessTokenResponseBuilder;
import org.keycloak.protocol.oidc.TokenManager.NotBeforeCheck;
import org.keycloak.representations.RefreshToken;
import org.keycloak.services.clientpolicy.ClientPolicyException;
import org.keycloak.services.clientpolicy.context.TokenRefreshContext;
import org.keycloak.services.clientpolicy.context.TokenRefreshResponseContext;
import org.keycloak.util.TokenUtil;

/**
 * A refresh is asked about before Keycloak looks at the token, because after that a rotated token is used up and a refusal would
 * end the session in effect. So the token is decoded, and its signature checked, here; one that doesn't hold is left to Keycloak.
 */
final class RefreshHook {

    private final KeycloakSession session;

    RefreshHook(KeycloakSession session) {
        this.session = session;
    }

    void ask(TokenRefreshContext context) throws ClientPolicyException {
        ClientModel client = session.getContext().getClient();
        RefreshToken token = session.tokens().decode(context.getParams().getFirst(OAuth2Constants.REFRESH_TOKEN), RefreshToken.class);
        BindingSignals proved = BindingSignals.of(session, client);
        UserSessionModel userSession = token == null ? null : sessionOf(token, client, proved);
        if (userSession == null) {
            return;
        }
        Decision decision = ask(client, proved, userSession, token.getScope());
        Refusal.unlessPermitted(session, userSession, client, decision);
        session.setAttribute(RiskNotes.REQUEST_DECISION, decision);
        StoredDecision.note(userSession, decision);
    }

    /**
     * The session that a token is good for, if it is one that Keycloak may accept from this client. Whoever lacks the key of a bound
     * token, or has a revoked one, must not bring about a refusal that ends its owner's session, or makes the next login step up.
     */
    private UserSessionModel sessionOf(RefreshToken token, ClientModel client, BindingSignals proved) {
        RealmModel realm = session.getContext().getRealm();
        boolean isOffline = TokenUtil.TOKEN_TYPE_OFFLINE.equals(token.getType());
        boolean isRefresh = isOffline || TokenUtil.TOKEN_TYPE_REFRESH.equals(token.getType());
        if (!isRefresh || !token.isActive() || token.getSessionId() == null || !client.getClientId().equals(token.getIssuedFor())
                || !proved.satisfies(token.getConfirmation())) {
            return null;
        }
        UserSessionModel found = isOffline ? session.sessions().getOfflineUserSession(realm, token.getSessionId())
                : session.sessions().getUserSession(realm, token.getSessionId());
        boolean isGone = found == null || found.getUser() == null;
        return isGone || isRevoked(token, found, client) || isSpent(token, found, client) ? null : found;
    }

    /** Whether the token is from before what a realm, a client or a user has revoked, though its session is still there. */
    private boolean isRevoked(RefreshToken token, UserSessionModel userSession, ClientModel client) {
        RealmModel realm = userSession.getRealm();
        try {
            TokenVerifier.createWithoutSignature(token).withChecks(NotBeforeCheck.forModel(realm), NotBeforeCheck.forModel(client),
                    NotBeforeCheck.forModel(session, realm, userSession.getUser())).verify();
            return false;
        } catch (VerificationException revoked) {
            return true;
        }
    }

    /** Whether a rotated token comes back. Refusing it here would keep Keycloak from ending what a thief may hold. */
    private boolean isSpent(RefreshToken token, UserSessionModel userSession, ClientModel client) {
        AuthenticatedClientSessionModel clientSession = userSession.getAuthenticatedClientSessionByClient(client.getId());
        if (clientSession == null || !userSession.getRealm().isRevokeRefreshToken()) {
            return false;
        }
        try {
            new TokenManager().validateTokenReuse(session, userSession.getRealm(), token, clientSession, false);
            return false;
        } catch (OAuthErrorException spent) {
            return true;
        }
    }

    void shape(TokenRefreshResponseContext context) throws ClientPolicyException {
        AccessTokenResponseBuilder tokens = context.getAccessTokenResponseBuilder();
        Decision decision = session.getAttribute(RiskNotes.REQUEST_DECISION, Decision.class);
        if (decision == null) { // a refresh token that didn't hold, or isn't Keycloak's own, was accepted all the same
            AuthenticatedClientSessionModel clientSession = tokens.getClientSessionCtx().getClientSession();
            ClientModel client = clientSession.getClient();
            UserSessionModel userSession = clientSession.getUserSession();
            decision = ask(client, BindingSignals.of(session, client), userSession, tokens.getAccessToken().getScope());
            Refusal.unlessPermitted(session, userSession, client, decision);
        }
        TokenShaper.shape(tokens, decision.obligations());
    }

    private Decision ask(ClientModel client, BindingSignals proved, UserSessionModel userSession, String scope) {
        return TokenQuestion.ofClient(session, Hook.REFRESH, client, proved).scope(scope)
                .about(userSession, userSession.getAuthenticatedClientSessionByClient(client.getId())).ask();
    }
}
