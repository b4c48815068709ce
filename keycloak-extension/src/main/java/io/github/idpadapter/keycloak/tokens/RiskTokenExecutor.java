package io.github.idpadapter.keycloak.tokens;

import io.github.idpadapter.keycloak.decision.RiskDecisions;
import org.keycloak.models.KeycloakSession;
import org.keycloak.protocol.oidc.grants.device.clientpolicy.context.DeviceTokenResponseContext;
import org.keycloak.representations.idm.ClientPolicyExecutorConfigurationRepresentation;
import org.keycloak.services.clientpolicy.ClientPolicyContext;
import org.keycloak.services.clientpolicy.ClientPolicyException;
import org.keycloak.services.clientpolicy.context.ImplicitHybridTokenResponse;
import org.keycloak.services.clientpolicy.context.ResourceOwnerPasswordCredentialsResponseContext;
import org.keycloak.services.clientpolicy.context.ServiceAccountTokenRequestContext;
import org.keycloak.services.clientpolicy.context.ServiceAccountTokenResponseContext;
import org.keycloak.services.clientpolicy.context.TokenExchangeRequestContext;
import org.keycloak.services.clientpolicy.context.TokenRefreshContext;
import org.keycloak.services.clientpolicy.context.TokenRefreshResponseContext;
import org.keycloak.services.clientpolicy.context.TokenResponseContext;
import org.keycloak.services.clientpolicy.executor.ClientPolicyExecutorProvider;

/** Sends each event of the token endpoint to its hook. Once per request and event, even where two policies name it. */
final class RiskTokenExecutor implements ClientPolicyExecutorProvider<ClientPolicyExecutorConfigurationRepresentation> {

    private final KeycloakSession session;

    RiskTokenExecutor(KeycloakSession session) {
        this.session = session;
    }

    @Override
    public String getProviderId() {
        return RiskTokenExecutorFactory.ID;
    }

    @Override
    public void executeOnEvent(ClientPolicyContext context) throws ClientPolicyException {
        if (!session.getProvider(RiskDecisions.class).config().includes(session.getContext().getRealm())
                || !isFirst(context)) {
            return;
        }
        if (context instanceof TokenRefreshContext refresh) {
            new RefreshHook(session).ask(refresh);
        } else if (context instanceof TokenRefreshResponseContext refresh) {
            new RefreshHook(session).shape(refresh);
        } else if (context instanceof TokenResponseContext code) {
            new LoginTokensHook(session).shapeOnce(code.getAccessTokenResponseBuilder());
        } else if (context instanceof DeviceTokenResponseContext device) {
            new LoginTokensHook(session).shapeOnce(device.getAccessTokenResponseBuilder());
        } else if (context instanceof ResourceOwnerPasswordCredentialsResponseContext password) {
            new LoginTokensHook(session).shapeOnce(password.getAccessTokenResponseBuilder());
        } else if (context instanceof ImplicitHybridTokenResponse front) {
            new LoginTokensHook(session).shapeFront(front);
        } else if (context instanceof ServiceAccountTokenRequestContext machine) {
            new MachineHook(session).ask(machine);
        } else if (context instanceof ServiceAccountTokenResponseContext machine) {
            new MachineHook(session).shape(machine);
        } else if (context instanceof TokenExchangeRequestContext exchange) {
            new ExchangeHook(session).ask(exchange);
        }
    }

    private boolean isFirst(ClientPolicyContext context) {
        String mark = "risk.seen." + context.getEvent().name();
        boolean first = session.getAttribute(mark) == null;
        session.setAttribute(mark, Boolean.TRUE);
        return first;
    }
}
