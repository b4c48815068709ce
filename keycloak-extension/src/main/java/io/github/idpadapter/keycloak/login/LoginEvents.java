package io.github.idpadapter.keycloak.login;

import io.github.idpadapter.keycloak.decision.Decision;
import io.github.idpadapter.keycloak.decision.RiskNotes;
import org.keycloak.events.EventBuilder;

/** Names the decision in Keycloak's own events. */
final class LoginEvents {

    private LoginEvents() {
    }

    static void tell(EventBuilder event, Decision decision) {
        event.detail(RiskNotes.EVENT_DECISION_ID, decision.id()).detail(RiskNotes.EVENT_LEVEL, decision.level())
                .detail(RiskNotes.EVENT_UNAVAILABLE, decision.unavailable());
    }
}
