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
    public static final int LIFE_S = 1800; // a login may take as long as Keycloak lets it; an unused decision ages then

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

    /**
     * Puts a decision on the session where its level is another than the last one's. A note costs a write of the session to the
     * database, which is most of what a refresh costs at all.
     */
    public static void note(UserSessionModel session, Decision decision) {
        String level = textOf(decision.level());
        if (!level.equals(textOf(session.getNote(RiskNotes.LEVEL)))) {
            session.setNote(RiskNotes.LEVEL, level);
            session.setNote(RiskNotes.DECISION_ID, textOf(decision.id()));
        }
    }

    private static String textOf(String value) {
        return value == null ? "" : value;
    }

    private static Integer number(JsonNode json, String name) {
        return json.path(name).isInt() ? json.path(name).intValue() : null;
    }

    private static String text(JsonNode json, String name) {
        return json.path(name).isTextual() ? json.path(name).textValue() : null;
    }
}
