package io.github.idpadapter.keycloak.tokens;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonProperty;
import org.keycloak.models.ClientModel;
import org.keycloak.models.KeycloakSession;
import org.keycloak.representations.idm.ClientPolicyConditionConfigurationRepresentation;
import org.keycloak.services.clientpolicy.ClientPolicyContext;
import org.keycloak.services.clientpolicy.ClientPolicyVote;
import org.keycloak.services.clientpolicy.condition.AbstractClientPolicyConditionProvider;
import org.keycloak.services.clientpolicy.context.ClientModelContext;

/**
 * Whether a client takes part: by its attribute {@code risk.enabled}, else by default. It votes on every event: a condition that
 * abstains on some would switch the policy off there without a word. Whole realms are left out by the server's options.
 */
final class RiskClientCondition extends AbstractClientPolicyConditionProvider<RiskClientCondition.Configuration> {

    static final String ATTRIBUTE = "risk.enabled";

    /** The condition's settings in a policy. */
    @JsonIgnoreProperties(ignoreUnknown = true)
    public static final class Configuration extends ClientPolicyConditionConfigurationRepresentation {

        @JsonProperty(RiskClientConditionFactory.BY_DEFAULT)
        private String byDefault;

        public String getByDefault() {
            return byDefault;
        }

        public void setByDefault(String byDefault) {
            this.byDefault = byDefault;
        }
    }

    RiskClientCondition(KeycloakSession session) {
        super(session);
    }

    @Override
    public Class<Configuration> getConditionConfigurationClass() {
        return Configuration.class;
    }

    @Override
    public String getProviderId() {
        return RiskClientConditionFactory.ID;
    }

    @Override
    public ClientPolicyVote applyPolicy(ClientPolicyContext context) {
        boolean byDefault = configuration == null || !"false".equals(configuration.byDefault);
        ClientModel client = client(context);
        String own = client == null ? null : client.getAttribute(ATTRIBUTE);
        return (own == null ? byDefault : !"false".equals(own.strip())) ? ClientPolicyVote.YES : ClientPolicyVote.NO;
    }

    private ClientModel client(ClientPolicyContext context) {
        ClientModel client = session.getContext().getClient();
        return client == null && context instanceof ClientModelContext about ? about.getClient() : client;
    }
}
