package io.github.idpadapter.keycloak.signals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.idpadapter.keycloak.decision.Hook;
import java.time.Instant;
import java.util.Collection;
import java.util.Objects;
import java.util.UUID;

/** One question in the shape of the wire (AuthZEN). Built part by part, so that a reused decision needs only the cheap parts. */
public final class EvaluationRequest {

    private static final ObjectMapper JSON = new ObjectMapper();

    private final ObjectNode root = JSON.createObjectNode();
    private final ObjectNode context = JSON.createObjectNode();

    public EvaluationRequest(Hook hook, long nowMs) {
        root.putObject("action").put("name", hook.action());
        root.set("context", context);
        context.put("txn", UUID.randomUUID().toString());
        context.put("time", rfc3339(nowMs));
    }

    public EvaluationRequest subject(ObjectNode subject) {
        root.set("subject", subject);
        return this;
    }

    public EvaluationRequest resource(ObjectNode resource) {
        root.set("resource", resource);
        return this;
    }

    public EvaluationRequest session(ObjectNode session) {
        context.set("session", session);
        return this;
    }

    public EvaluationRequest network(ObjectNode network) {
        context.set("network", network);
        return this;
    }

    public EvaluationRequest binding(BindingSignals binding) {
        context.set("binding", binding.json());
        return this;
    }

    public EvaluationRequest device(String cookieId, String posture) {
        context.putObject("device").put("cookie_id", cookieId).put("posture", posture);
        return this;
    }

    public EvaluationRequest telemetry(Telemetry telemetry) {
        context.put("telemetry", telemetry.value());
        context.put("telemetry_challenge", telemetry.challenge());
        if (telemetry.dropped() != null) {
            context.put("telemetry_dropped", telemetry.dropped());
        }
        return this;
    }

    public EvaluationRequest reused(int times) {
        context.put("reused", times);
        return this;
    }

    public EvaluationRequest flow(String path) {
        context.put("flow", path);
        return this;
    }

    /** All that was seen of the request itself: while it is the same, a decision may be used again. */
    public String seen() {
        JsonNode acr = context.path("session").path("acr");
        return String.join("\n", String.valueOf(root.get("resource")), String.valueOf(context.get("network")),
                String.valueOf(context.get("binding")), String.valueOf(context.get("device")), acr.toString());
    }

    public ObjectNode json() {
        return root;
    }

    static ObjectNode object() {
        return JSON.createObjectNode();
    }

    static ArrayNode array(Collection<String> values) {
        ArrayNode array = JSON.createArrayNode();
        values.stream().filter(Objects::nonNull).forEach(array::add);
        return array;
    }

    static String rfc3339(long epochMs) {
        return Instant.ofEpochMilli(epochMs).toString();
    }
}
