package io.github.idpadapter.keycloak.outcomes;

import io.github.idpadapter.keycloak.decision.DecisionClient;
import io.github.idpadapter.keycloak.decision.RiskDecisions;
import io.github.idpadapter.keycloak.decision.RiskDecisionsFactory;
import org.keycloak.Config;
import org.keycloak.events.EventListenerProvider;
import org.keycloak.events.EventListenerProviderFactory;
import org.keycloak.models.KeycloakSession;
import org.keycloak.models.KeycloakSessionFactory;
import org.keycloak.models.RealmModel;
import org.keycloak.models.utils.KeycloakModelUtils;

/** Makes the event listener {@code risk-outcomes}. It hears every realm without any configuration there. */
public final class RiskOutcomesFactory implements EventListenerProviderFactory {

    private final OutcomeQueue queue = new OutcomeQueue();
    private KeycloakSessionFactory factory;
    private volatile OutcomeSender sender;

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
    public void postInit(KeycloakSessionFactory made) {
        factory = made;
    }

    @Override
    public EventListenerProvider create(KeycloakSession session) {
        return new RiskOutcomes(session, started().client(), queue);
    }

    /** The sender, from the first event on: at start the client may not be there yet, as the order of factories is open. */
    private OutcomeSender started() {
        OutcomeSender present = sender;
        if (present != null) {
            return present;
        }
        synchronized (this) {
            if (sender == null) {
                DecisionClient client = ((RiskDecisionsFactory) factory.getProviderFactory(RiskDecisions.class)).client();
                OutcomeSender first = new OutcomeSender(client, outcome -> bearer(client, outcome), queue);
                first.start();
                sender = first;
            }
            return sender;
        }
    }

    /** The realm's token; null where the realm is gone. Its key can only be had in a session, and the sender has no request. */
    private String bearer(DecisionClient client, Outcome outcome) {
        return KeycloakModelUtils.runJobInTransactionWithResult(factory, session -> {
            RealmModel realm = session.realms().getRealm(outcome.realmId());
            if (realm == null) {
                return null;
            }
            session.getContext().setRealm(realm);
            return client.bearer(session, realm, outcome.issuer());
        });
    }

    @Override
    public void close() {
        if (sender != null) {
            sender.interrupt();
        }
    }
}
