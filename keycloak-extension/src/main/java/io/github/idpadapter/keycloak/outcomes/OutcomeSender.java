package io.github.idpadapter.keycloak.outcomes;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.idpadapter.keycloak.decision.DecisionClient;
import io.github.idpadapter.keycloak.decision.RiskMetrics;
import java.util.List;
import org.jboss.logging.Logger;
import org.keycloak.models.KeycloakSessionFactory;
import org.keycloak.models.RealmModel;
import org.keycloak.models.utils.KeycloakModelUtils;

/** Delivers outcomes in the background, in batches, and again with growing pauses while the service is away. */
final class OutcomeSender extends Thread {

    private static final Logger LOG = Logger.getLogger("io.github.idpadapter.keycloak");
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final long GATHER_MS = 200;
    private static final long FIRST_PAUSE_MS = 500;
    private static final long LONGEST_PAUSE_MS = 30_000;
    private static final int TRIES = 10;

    private final KeycloakSessionFactory factory;
    private final DecisionClient client;
    private final OutcomeQueue queue;

    OutcomeSender(KeycloakSessionFactory factory, DecisionClient client, OutcomeQueue queue) {
        super("risk-outcomes");
        setDaemon(true);
        this.factory = factory;
        this.client = client;
        this.queue = queue;
    }

    DecisionClient client() {
        return client;
    }

    @Override
    public void run() {
        while (!isInterrupted()) {
            try {
                deliver(queue.take(GATHER_MS));
            } catch (InterruptedException stop) {
                return;
            } catch (RuntimeException unforeseen) {
                LOG.warn("Outcomes could not be reported", unforeseen);
            }
        }
    }

    private void deliver(List<Outcome> batch) throws InterruptedException {
        ObjectNode body = JSON.createObjectNode();
        batch.forEach(outcome -> body.withArray("outcomes").add(outcome.json()));
        long pause = FIRST_PAUSE_MS;
        for (int attempt = 1; attempt <= TRIES; attempt++) {
            String bearer = bearer(batch.get(0));
            if (bearer == null || client.report(bearer, body)) {
                return;
            }
            if (attempt < TRIES) {
                Thread.sleep(pause);
                pause = Math.min(LONGEST_PAUSE_MS, pause * 2);
            }
        }
        RiskMetrics.dropped(batch.size());
        LOG.warnf("%d outcomes were lost: the risk service did not take them", batch.size());
    }

    /** The realm's token; null where the realm is gone. Its key can only be had in a session, and there is no request here. */
    private String bearer(Outcome outcome) {
        return KeycloakModelUtils.runJobInTransactionWithResult(factory, session -> {
            RealmModel realm = session.realms().getRealm(outcome.realmId());
            if (realm == null) {
                return null;
            }
            session.getContext().setRealm(realm);
            return client.bearer(session, realm, outcome.issuer());
        });
    }
}
