package io.github.idpadapter.keycloak.tokens;

import java.util.List;
import org.keycloak.Config;
import org.keycloak.models.KeycloakSession;
import org.keycloak.models.KeycloakSessionFactory;
import org.keycloak.provider.ProviderConfigProperty;
import org.keycloak.services.clientpolicy.condition.ClientPolicyConditionProvider;
import org.keycloak.services.clientpolicy.condition.ClientPolicyConditionProviderFactory;

/** Makes the client-policy condition {@code risk-client}. */
@SuppressWarnings("rawtypes")
public final class RiskClientConditionFactory implements ClientPolicyConditionProviderFactory {

    static final String ID = "risk-client";
    static final String BY_DEFAULT = "default";

    @Override
    public String getId() {
        return ID;
    }

    @Override
    public ClientPolicyConditionProvider create(KeycloakSession session) {
        return new RiskClientCondition(session);
    }

    @Override
    public String getHelpText() {
        return "The client takes part in risk evaluation: its attribute risk.enabled, else the default.";
    }

    @Override
    public List<ProviderConfigProperty> getConfigProperties() {
        return List.of(new ProviderConfigProperty(BY_DEFAULT, "Default", "Vote for clients without the attribute risk.enabled.",
                ProviderConfigProperty.BOOLEAN_TYPE, "true"));
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
