package io.github.idpadapter.keycloak.decision;

import org.keycloak.provider.ProviderFactory;

/** Makes {@link RiskDecisions}, and holds what outlives a request. */
public interface RiskDecisionsFactory extends ProviderFactory<RiskDecisions> {

    /** The one client of the service, for work that has no request of its own. */
    DecisionClient client();
}
