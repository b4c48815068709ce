package io.github.idpadapter.keycloak.tokens;

import io.github.idpadapter.keycloak.decision.Decision;
import io.github.idpadapter.keycloak.decision.Hook;
import io.github.idpadapter.keycloak.decision.RiskNotes;
import io.github.idpadapter.keycloak.decision.StoredDecision;
import org.keycloak.OAuth2Constants;
import org.keycloak.models.AuthenticatedClientSessionModel;
import org.keycloak.models.ClientModel;
import org.keycloak.models.KeycloakSession;
import org.keycloak.protocol.oidc.TokenManager.AccessTokenResponseBuilder;
import org.keycloak.services.clientpolicy.ClientPolicyException;
import org.keycloak.services.clientpolicy.context.ServiceAccountTokenRequestContext;
import org.keycloak.services.clientpolicy.context.ServiceAccountTokenResponseContext;

/** A workload asks for its token: refused before one is made, else shaped; and it carries no acr, as nobody logged in. */
final class MachineHook {

    private final KeycloakSession session;

    MachineHook(KeycloakSession session) {
        this.session = session;
    }

    void ask(ServiceAccountTokenRequestContext context) throws ClientPolicyException {
        AuthenticatedClientSessionModel clientSession = context.getClientSession();
        ClientModel client = clientSession.getClient();
        Decision decision = TokenQuestion.ofClient(session, Hook.CLIENT_CREDENTIALS, client)
                .scope(context.getParams().getFirst(OAuth2Constants.SCOPE)).about(clientSession.getUserSession().getUser()).ask();
        Refusal.unlessPermitted(session, null, client, decision);
        session.setAttribute(RiskNotes.REQUEST_DECISION, decision);
        StoredDecision.note(clientSession.getUserSession(), decision);
    }

    void shape(ServiceAccountTokenResponseContext context) {
        AccessTokenResponseBuilder tokens = context.getAccessTokenResponseBuilder();
        tokens.getAccessToken().setAcr(null);
        if (tokens.getIdToken() != null) {
            tokens.getIdToken().setAcr(null);
        }
        Decision decision = session.getAttribute(RiskNotes.REQUEST_DECISION, Decision.class);
        if (decision != null) {
            TokenShaper.shape(tokens, decision.obligations());
        }
    }
}
