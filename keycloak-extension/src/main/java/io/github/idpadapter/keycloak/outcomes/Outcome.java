package io.github.idpadapter.keycloak.outcomes;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.idpadapter.keycloak.signals.Telemetry;
import java.nio.charset.StandardCharsets;

/** One outcome as the wire has it, with the tenant that it belongs to. */
record Outcome(String realmId, String issuer, ObjectNode json) {

    /** How long it is on the wire. */
    int bytes() {
        return json.toString().getBytes(StandardCharsets.UTF_8).length;
    }

    /** How much of it only tells how somebody typed. */
    int telemetryChars() {
        return json.path(Telemetry.OUTCOME_MEMBER).asText("").length();
    }

    Outcome withoutTelemetry() {
        return new Outcome(realmId, issuer, json.deepCopy().without(Telemetry.OUTCOME_MEMBER));
    }

    boolean isOfSameTenant(Outcome other) {
        return realmId.equals(other.realmId) && issuer.equals(other.issuer);
    }
}
