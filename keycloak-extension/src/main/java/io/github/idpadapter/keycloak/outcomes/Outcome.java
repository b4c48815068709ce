package io.github.idpadapter.keycloak.outcomes;

import com.fasterxml.jackson.databind.node.ObjectNode;

/** One outcome as the wire has it, with the tenant that it belongs to. */
record Outcome(String realmId, String issuer, ObjectNode json) {

    boolean isOfSameTenant(Outcome other) {
        return realmId.equals(other.realmId) && issuer.equals(other.issuer);
    }
}
