package io.github.idpadapter.keycloak.outcomes;

import io.github.idpadapter.keycloak.decision.DecisionClient;
import io.github.idpadapter.keycloak.decision.RiskDecisions;
import io.github.idpadapter.keycloak.decision.RiskDecisionsFactory;
import org.keycloak.Config;
import org.keycloak.events.EventListenerProvider;
import org.keycloak.events.EventListenerProviderFactory;
import org.keycloak.models.KeycloakSession;
import org.keycloak.models.KeycloakSessionFactory;

/** Makes the event listener {@code risk-outcomes}. It hears every realm without any configuration there. */
public final class RiskOutcomesFactory implements EventListenerProviderFactory {

    private DecisionClient client;
    private OutcomeQueue queue;
    private OutcomeSender sender;

    @Override
    public String getId() {
        return "risk-outcomes";
    }

    @Override
    public boolean isGlobal() {
        return true;
    }

    @Override
    public void init(Config.Scope config) {
    }

    @Override
    public void postInit(KeycloakSessionFactory factory) {
        client = ((RiskDecisionsFactory) factory.getProviderFactory(RiskDecisions.class)).client();
        queue = new OutcomeQueue();
        sender = new OutcomeSender(factory, client, queue);
        sender.start();
    }

    @Override
    public EventListenerProvider create(KeycloakSession session) {
        return new RiskOutcomes(session, client, queue);
    }

    @Override
    public void close() {
        if (sender != null) {
            sender.interrupt();
        }
    }
}
