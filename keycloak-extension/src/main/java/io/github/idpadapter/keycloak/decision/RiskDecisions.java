package io.github.idpadapter.keycloak.decision;

import com.fasterxml.jackson.databind.node.ObjectNode;
import org.keycloak.provider.Provider;

/** What hooks ask. There is always an answer within the hook's budget: a decision that holds, or the configured fail mode. */
public interface RiskDecisions extends Provider {

    /** Asks about a request in the shape of the wire; its {@code context.txn} ties the answer to it. */
    Decision decide(Hook hook, ObjectNode request);

    RiskConfig config();

    /** Decisions that the service allowed to be used again for some seconds. */
    ReuseCache reuse();

    @Override
    default void close() {
    }
}
