package io.github.idpadapter.keycloak.signals;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.idpadapter.keycloak.decision.Hook;
import org.junit.jupiter.api.Test;

class EvaluationRequestTest {

    private static EvaluationRequest request(String ip) {
        return request(ip, "a.b.c");
    }

    private static EvaluationRequest request(String ip, String posture) {
        return new EvaluationRequest(Hook.REFRESH, 1_795_248_000_000L)
                .subject(EvaluationRequest.object().put("type", "user").put("id", "u"))
                .resource(EvaluationRequest.object().put("type", "oidc_client").put("id", "spa"))
                .session(EvaluationRequest.object().put("acr", "basic").put("age_s", System.nanoTime()))
                .network(EvaluationRequest.object().put("ip", ip)).binding(new BindingSignals(null, "certificate"))
                .telemetry(Telemetry.of("typed", "challenge")).device("browser", posture).reused(3);
    }

    @Test
    void itHasTheShapeOfTheWire() {
        ObjectNode json = request("192.0.2.1").json();
        assertEquals("refresh", json.at("/action/name").asText());
        assertEquals("2026-11-21T08:00:00Z", json.at("/context/time").asText());
        assertEquals("typed", json.at("/context/telemetry").asText());
        assertEquals("challenge", json.at("/context/telemetry_challenge").asText());
        assertEquals("browser", json.at("/context/device/cookie_id").asText());
        assertEquals("a.b.c", json.at("/context/device/posture").asText());
        assertEquals(3, json.at("/context/reused").asInt());
        assertTrue(json.at("/context/binding/jkt").isNull());
        assertEquals("certificate", json.at("/context/binding/x5t_s256").asText());
        assertTrue(json.at("/context/telemetry_dropped").isMissingNode());
        assertEquals("u", json.at("/subject/id").asText());
    }

    @Test
    void everyQuestionHasItsOwnTransaction() {
        assertNotEquals(request("192.0.2.1").json().at("/context/txn").asText(), request("192.0.2.1").json().at("/context/txn").asText());
    }

    @Test
    void whatWasSeenIsTheSameUntilItChanges() {
        assertEquals(request("192.0.2.1").seen(), request("192.0.2.1").seen());
        assertNotEquals(request("192.0.2.1").seen(), request("192.0.2.2").seen());
        assertNotEquals(request("192.0.2.1").seen(), request("192.0.2.1", "d.e.f").seen());
    }

    @Test
    void tooLongTelemetryIsDroppedAndTold() {
        Telemetry most = Telemetry.of("a".repeat(Telemetry.MAX_CHARS), "c");
        assertNull(most.dropped());
        Telemetry more = Telemetry.of("a".repeat(Telemetry.MAX_CHARS + 1), "c");
        assertNull(more.value());
        assertEquals("oversized", new EvaluationRequest(Hook.LOGIN, 0).telemetry(more).json().at("/context/telemetry_dropped").asText());
    }

    @Test
    void telemetryThatGrowsOnTheWireIsTooLong() {
        for (String character : new String[] {"\u754c", "\u0001", "\""}) {
            assertEquals("oversized", Telemetry.of(character.repeat(Telemetry.MAX_CHARS), "c").dropped());
        }
    }
}
