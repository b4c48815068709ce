package io.github.idpadapter.keycloak.tokens;

import org.keycloak.OAuth2Constants;
import org.keycloak.models.Constants;
import org.keycloak.models.KeycloakSession;
import org.keycloak.protocol.oidc.token.TokenPostProcessor;
import org.keycloak.protocol.oidc.token.TokenPostProcessorFactory;

/** Reaches the tokens of an exchange, which no client-policy event does. It runs last, so that nothing lengthens them after it. */
public final class RiskTokenPostProcessorFactory implements TokenPostProcessorFactory {

    @Override
    public String getId() {
        return "risk-token";
    }

    @Override
    public int order() {
        return -100;
    }

    @Override
    public TokenPostProcessor create(KeycloakSession session) {
        return tokens -> {
            String grant = tokens.clientSessionCtx().getAttribute(Constants.GRANT_TYPE, String.class);
            if (OAuth2Constants.TOKEN_EXCHANGE_GRANT_TYPE.equals(grant)) {
                new ExchangeHook(session).shape(tokens);
            }
        };
    }
}
