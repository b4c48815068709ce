package io.github.idpadapter.keycloak.decision;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.idpadapter.keycloak.decision.Obligations.SessionFate;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;

/**
 * Reads a verified evaluation. An obligation that is unknown, or known with a value that can't be carried out, makes it a refusal:
 * to go on without it would be less than the service asked for. Members under {@code optional} may be ignored.
 */
final class DecisionParser {

    private static final int MAX_REUSE_S = 300;

    private DecisionParser() {
    }

    static Decision parse(JsonNode evaluation) throws Unavailable {
        JsonNode decision = evaluation.get("decision");
        JsonNode context = evaluation.path("context");
        if (decision == null || !decision.isBoolean()) {
            throw new Unavailable("garbage");
        }
        Reader reader = new Reader();
        reader.read(context.path("obligations"));
        boolean permit = decision.booleanValue() && reader.understood;
        List<String> acr = reader.understood ? texts(context.path("acr_values")) : List.of();
        return new Decision(text(context.path("decision_id")), text(context.path("risk").path("level")), permit,
                permit ? List.of() : acr, "limit".equals(context.path("unenrolled").asText()), reader.obligations(), reader.reuseS,
                texts(context.path("reason_user")), null);
    }

    private static String text(JsonNode node) {
        return node.isTextual() ? node.textValue() : null;
    }

    private static List<String> texts(JsonNode array) {
        List<String> found = new ArrayList<>();
        for (JsonNode each : array) {
            if (each.isTextual() && found.size() < 10) {
                found.add(each.textValue());
            }
        }
        return found;
    }

    private static final class Reader {
        private Integer access;
        private Integer refresh;
        private String maxAcr;
        private Integer maxAge;
        private SessionFate session = SessionFate.KEEP;
        private int reuseS;
        private boolean understood = true;

        void read(JsonNode obligations) {
            if (!obligations.isMissingNode() && !obligations.isNull() && !obligations.isObject()) {
                understood = false;
                return;
            }
            for (Iterator<Map.Entry<String, JsonNode>> each = obligations.fields(); each.hasNext();) {
                Map.Entry<String, JsonNode> entry = each.next();
                if (!entry.getValue().isNull()) {
                    understood &= read(entry.getKey(), entry.getValue());
                }
            }
        }

        private boolean read(String name, JsonNode value) {
            switch (name) {
                case "access_token_lifespan_s":
                    access = seconds(value);
                    return access != null;
                case "refresh_token_lifespan_s":
                    refresh = seconds(value);
                    return refresh != null;
                case "max_acr":
                    maxAcr = text(value);
                    return maxAcr != null;
                case "max_age_s":
                    maxAge = seconds(value);
                    return maxAge != null;
                case "session":
                    return readFate(value.asText());
                case "optional":
                    reuseS = Math.max(0, Math.min(MAX_REUSE_S, value.path("reuse_s").asInt(0)));
                    return true;
                default:
                    return false;
            }
        }

        private boolean readFate(String name) {
            switch (name) {
                case "keep":
                    session = SessionFate.KEEP;
                    return true;
                case "end":
                    session = SessionFate.END;
                    return true;
                case "end_all":
                    session = SessionFate.END_ALL;
                    return true;
                default:
                    return false;
            }
        }

        private static Integer seconds(JsonNode value) {
            return value.isInt() && value.intValue() > 0 ? value.intValue() : null;
        }

        Obligations obligations() {
            return new Obligations(access, refresh, maxAcr, maxAge, session);
        }
    }
}
