package io.github.idpadapter.keycloak.login;

import java.util.List;
import org.keycloak.Config;
import org.keycloak.authentication.AuthenticationFlowCallbackFactory;
import org.keycloak.authentication.Authenticator;
import org.keycloak.models.AuthenticationExecutionModel.Requirement;
import org.keycloak.models.KeycloakSession;
import org.keycloak.models.KeycloakSessionFactory;
import org.keycloak.provider.ProviderConfigProperty;

/** Makes the authenticator {@code risk-evaluation}. It is configured for the server, not per flow. */
public final class RiskEvaluationFactory implements AuthenticationFlowCallbackFactory {

    static final String ID = "risk-evaluation";

    @Override
    public String getId() {
        return ID;
    }

    @Override
    public Authenticator create(KeycloakSession session) {
        return new RiskEvaluation(session);
    }

    @Override
    public String getDisplayType() {
        return "Risk: evaluation";
    }

    @Override
    public String getHelpText() {
        return "Asks the risk service; goes on, demands a second factor, or refuses. Belongs after the first factor.";
    }

    @Override
    public String getReferenceCategory() {
        return null;
    }

    @Override
    public boolean isConfigurable() {
        return true; // for the reference value that the amr claim shows
    }

    @Override
    public Requirement[] getRequirementChoices() {
        return new Requirement[] {Requirement.REQUIRED, Requirement.DISABLED};
    }

    @Override
    public boolean isUserSetupAllowed() {
        return false;
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
