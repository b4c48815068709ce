package io.github.idpadapter.keycloak.tokens;

import java.util.List;
import org.keycloak.Config;
import org.keycloak.models.KeycloakSession;
import org.keycloak.models.KeycloakSessionFactory;
import org.keycloak.provider.ProviderConfigProperty;
import org.keycloak.services.clientpolicy.executor.ClientPolicyExecutorProvider;
import org.keycloak.services.clientpolicy.executor.ClientPolicyExecutorProviderFactory;

/** Makes the client-policy executor {@code risk-token}. */
@SuppressWarnings("rawtypes")
public final class RiskTokenExecutorFactory implements ClientPolicyExecutorProviderFactory {

    static final String ID = "risk-token";

    @Override
    public String getId() {
        return ID;
    }

    @Override
    public ClientPolicyExecutorProvider create(KeycloakSession session) {
        return new RiskTokenExecutor(session);
    }

    @Override
    public String getHelpText() {
        return "Asks the risk service about tokens: keeps, shortens, lowers their acr, or refuses.";
    }

    @Override
    public List<ProviderConfigProperty> getConfigProperties() {
        return List.of();
    }

    @Override
    public void init(Config.Scope config) {
    }

    @Override
    public void postInit(KeycloakSessionFactory factory) {
    }

    @Override
    public void close() {
    }
}
