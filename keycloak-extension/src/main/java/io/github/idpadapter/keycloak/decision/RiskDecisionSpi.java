package io.github.idpadapter.keycloak.decision;

import org.keycloak.provider.Provider;
import org.keycloak.provider.ProviderFactory;
import org.keycloak.provider.Spi;

/** Gives the extension its own place among Keycloak's start options: {@code --spi-risk-decision--default--...}. */
public final class RiskDecisionSpi implements Spi {

    @Override
    public boolean isInternal() {
        return true;
    }

    @Override
    public String getName() {
        return "risk-decision";
    }

    @Override
    public Class<? extends Provider> getProviderClass() {
        return RiskDecisions.class;
    }

    @Override
    public Class<? extends ProviderFactory<?>> getProviderFactoryClass() {
        return RiskDecisionsFactory.class;
    }
}
