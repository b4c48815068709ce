package io.github.idpadapter.keycloak.decision;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.idpadapter.keycloak.decision.Obligations.SessionFate;
import java.util.List;
import java.util.Optional;
import org.keycloak.common.util.Time;
import org.keycloak.models.UserSessionModel;

/** A decision as a note, from the login to the token request that it also answers. */
public final class StoredDecision {

    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int LIFE_S = 1800; // a login may take as long as Keycloak lets it; an unused decision ages then

    private StoredDecision() {
    }

    public static String write(Decision decision) {
        ObjectNode note = JSON.createObjectNode();
        note.put("at", Time.currentTime());
        note.put("id", decision.id());
        note.put("level", decision.level());
        note.put("access", decision.obligations().accessTokenLifespanS());
        note.put("refresh", decision.obligations().refreshTokenLifespanS());
        note.put("max_acr", decision.obligations().maxAcr());
        note.put("unavailable", decision.unavailable());
        return note.toString();
    }

    /** Reads a note back as a permission with its obligations. */
    public static Optional<Decision> read(String note) {
        if (note == null || note.isEmpty()) {
            return Optional.empty();
        }
        try {
            JsonNode json = JSON.readTree(note);
            if (Time.currentTime() - json.path("at").asInt() > LIFE_S) {
                return Optional.empty();
            }
            Obligations obligations = new Obligations(number(json, "access"), number(json, "refresh"), text(json, "max_acr"),
                    null, SessionFate.KEEP);
            return Optional.of(new Decision(text(json, "id"), text(json, "level"), true, List.of(), false, obligations, 0,
                    List.of(), text(json, "unavailable")));
        } catch (JsonProcessingException foreign) {
            return Optional.empty();
        }
    }

    /** Puts the decision on the session where the claims mapper reads it; unchanged notes are not written again. */
    public static void note(UserSessionModel session, Decision decision) {
        set(session, RiskNotes.LEVEL, decision.level());
        set(session, RiskNotes.DECISION_ID, decision.id());
    }

    private static void set(UserSessionModel session, String name, String value) {
        String wanted = value == null ? "" : value;
        String present = session.getNote(name);
        if (!wanted.equals(present == null ? "" : present)) {
            session.setNote(name, wanted);
        }
    }

    private static Integer number(JsonNode json, String name) {
        return json.path(name).isInt() ? json.path(name).intValue() : null;
    }

    private static String text(JsonNode json, String name) {
        return json.path(name).isTextual() ? json.path(name).textValue() : null;
    }
}
