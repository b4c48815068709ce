package io.github.idpadapter.keycloak.outcomes;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.idpadapter.keycloak.decision.DecisionClient;
import io.github.idpadapter.keycloak.decision.RealmIssuer;
import io.github.idpadapter.keycloak.decision.RiskNotes;
import io.github.idpadapter.keycloak.signals.Telemetry;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jboss.logging.Logger;
import org.keycloak.events.Event;
import org.keycloak.events.EventListenerProvider;
import org.keycloak.events.EventType;
import org.keycloak.events.admin.AdminEvent;
import org.keycloak.models.AbstractKeycloakTransaction;
import org.keycloak.models.KeycloakSession;
import org.keycloak.models.RealmModel;

/**
 * Turns Keycloak's events into outcomes. They are made while the request's session can still be read, and queued only when its
 * transaction is through: what was rolled back didn't happen. Only realms that ask for decisions are told about.
 */
final class RiskOutcomes implements EventListenerProvider {

    private static final Logger LOG = Logger.getLogger("io.github.idpadapter.keycloak");
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Pattern CREDENTIAL_OF_USER = Pattern.compile("users/([^/]+)/(?:reset-password|credentials/[^/]+)");

    private final KeycloakSession session;
    private final DecisionClient client;
    private final OutcomeQueue queue;
    private List<Outcome> ofTransaction;

    RiskOutcomes(KeycloakSession session, DecisionClient client, OutcomeQueue queue) {
        this.session = session;
        this.client = client;
        this.queue = queue;
    }

    @Override
    public void onEvent(Event event) {
        EarlierDecision.dropAt(event, session);
        try {
            tell(event);
        } catch (RuntimeException unforeseen) {
            LOG.debug("An event could not be told as an outcome", unforeseen);
        }
    }

    private void tell(Event event) {
        RealmModel realm = session.getContext().getRealm();
        if (OutcomeType.of(event, false) == null || realm == null || !realm.getId().equals(event.getRealmId())) {
            return;
        }
        String issuer = RealmIssuer.of(session);
        if (!client.knows(issuer) || isToldAlready(event)) {
            return;
        }
        EventSession about = EventSession.of(session, realm, event);
        OutcomeType type = OutcomeType.of(event, about.isSteppedUp());
        ObjectNode json = outcome(event.getId(), type, event.getTime());
        json.put("decision_id", about.decisionId());
        subject(json, about.isMachine() ? "service_account" : "user", event.getUserId());
        if (event.getClientId() != null) {
            json.putObject("resource").put("type", "oidc_client").put("id", event.getClientId());
        }
        json.put("acr", about.acr());
        about.methods().forEach(json.putArray("methods")::add);
        json.putObject("network").put("ip", event.getIpAddress());
        json.put("error", event.getError());
        if (event.getType() == EventType.LOGIN) {
            Telemetry.addKept(session.getContext().getAuthenticationSession(), json);
        }
        enlist(new Outcome(realm.getId(), issuer, json));
    }

    /** A workload's decision that was used again has had its outcome; a busy one would flood the service with repetitions. */
    private boolean isToldAlready(Event event) {
        return event.getType() == EventType.CLIENT_LOGIN && session.getAttribute(RiskNotes.REQUEST_REUSED) != null;
    }

    /** An administrator who changes a user's credentials does so without an event of the user's own. */
    @Override
    public void onEvent(AdminEvent event, boolean includeRepresentation) {
        Matcher path = CREDENTIAL_OF_USER.matcher(String.valueOf(event.getResourcePath()));
        if (event.getError() != null || !path.matches()) {
            return;
        }
        try {
            RealmModel realm = session.realms().getRealm(event.getRealmId());
            String issuer = realm == null ? null : org.keycloak.services.Urls.realmIssuer(
                    session.getContext().getUri(org.keycloak.urls.UrlType.FRONTEND).getBaseUri(), realm.getName());
            if (issuer != null && client.knows(issuer)) {
                ObjectNode json = outcome(event.getId(), OutcomeType.CREDENTIAL_CHANGED, event.getTime());
                json.putNull("decision_id");
                subject(json, "user", path.group(1));
                enlist(new Outcome(realm.getId(), issuer, json));
            }
        } catch (RuntimeException unforeseen) {
            LOG.debug("An admin event could not be told as an outcome", unforeseen);
        }
    }

    private static ObjectNode outcome(String id, OutcomeType type, long timeMs) {
        return JSON.createObjectNode().put("id", id).put("type", type.label()).put("time", Instant.ofEpochMilli(timeMs).toString());
    }

    private static void subject(ObjectNode json, String type, String id) {
        if (id == null) {
            json.putNull("subject");
        } else {
            json.putObject("subject").put("type", type).put("id", id);
        }
    }

    private void enlist(Outcome outcome) {
        if (ofTransaction == null) {
            ofTransaction = new ArrayList<>();
            session.getTransactionManager().enlistAfterCompletion(new AbstractKeycloakTransaction() {
                @Override
                protected void commitImpl() {
                    ofTransaction.forEach(queue::offer);
                    ofTransaction.clear();
                }

                @Override
                protected void rollbackImpl() {
                    ofTransaction.clear();
                }
            });
        }
        ofTransaction.add(outcome);
    }

    @Override
    public void close() {
    }
}
