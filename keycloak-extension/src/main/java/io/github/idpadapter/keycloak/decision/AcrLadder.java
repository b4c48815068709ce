package io.github.idpadapter.keycloak.decision;

import java.util.Map;
import java.util.OptionalInt;
import org.keycloak.models.ClientModel;
import org.keycloak.protocol.oidc.utils.AcrUtils;

/** A client's steps between acr and level of authentication, as the realm or the client maps them. */
public final class AcrLadder {

    private final Map<String, Integer> steps;

    private AcrLadder(Map<String, Integer> steps) {
        this.steps = steps;
    }

    public static AcrLadder of(ClientModel client) {
        return new AcrLadder(AcrUtils.getAcrLoaMap(client));
    }

    /** The level of an acr; empty where it has none here. */
    public OptionalInt level(String acr) {
        Integer level = acr == null ? null : steps.get(acr);
        if (level != null) {
            return OptionalInt.of(level);
        }
        try {
            return acr == null ? OptionalInt.empty() : OptionalInt.of(Integer.parseInt(acr));
        } catch (NumberFormatException unknown) {
            return OptionalInt.empty();
        }
    }

    /** The acr of the highest step not above a level; null below the lowest. */
    public String acr(int level) {
        return AcrUtils.mapLoaToAcr(level, steps, steps.keySet());
    }
}
