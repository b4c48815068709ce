package io.github.idpadapter.keycloak.decision;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class RiskOptionsTest {

    private static String problems(Map<String, String> options) {
        return assertThrows(IllegalArgumentException.class, () -> RiskOptions.read(options::get)).getMessage();
    }

    @Test
    void theDefaultsHold() {
        RiskConfig config = RiskOptions.read(name -> null);
        assertEquals("http://127.0.0.1:8181", config.audience());
        assertEquals("http://127.0.0.1:8181", config.decisionIssuer());
        assertEquals(250, config.budgetMs(Hook.LOGIN));
        assertEquals(150, config.budgetMs(Hook.REFRESH));
        assertEquals(FailMode.STEP_UP, config.failMode(Hook.PASSWORD_GRANT));
        assertEquals(FailMode.LIMIT, config.failMode(Hook.TOKEN));
        assertEquals(FailMode.LIMIT, config.failMode(Hook.TOKEN_EXCHANGE));
        assertTrue(config.enabled());
        assertNull(config.postureHeader());
    }

    @Test
    void aHeaderOfTheProxysOwnMayBeNamedAndNoneThatHoldsASecret() {
        assertEquals("X-Device-Posture", RiskOptions.read(Map.of("posture-header", " X-Device-Posture ")::get).postureHeader());
        for (String wrong : List.of("Authorization", "cookie", "DPoP", "a b", "x:y", "a".repeat(65))) {
            String told = problems(Map.of("posture-header", wrong));
            assertTrue(told.contains("posture-header=" + wrong + " is not valid: set it to the name of a header that only the proxy"), told);
        }
    }

    @Test
    void aTrailingSlashOfTheUrlMakesNoDifference() {
        assertEquals("https://risk/x", RiskOptions.read(Map.of("service-url", "https://risk/x/")::get).audience());
    }

    @Test
    void everyProblemIsToldAtOnceWithItsFix() {
        String told = problems(Map.of("service-url", "risk:80", "bulkhead", "0", "login-budget-ms", "fast", "enabled", "yes",
                "login-fail-mode", "limit", "refresh-fail-mode", "step-up"));
        assertEquals(7, told.lines().count());
        assertTrue(told.contains("--spi-risk-decision--default--service-url=risk:80 is not valid: set it to an http or https URL"), told);
        assertTrue(told.contains("--spi-risk-decision--default--bulkhead=0 is not valid: set it to a whole number from 1"), told);
        assertTrue(told.contains("login-fail-mode=limit is not valid: set it to step-up or allow or deny."), told);
        assertTrue(told.contains("refresh-fail-mode=step-up is not valid: set it to limit or allow or deny."), told);
        assertTrue(told.contains("enabled=yes is not valid: set it to true or false."), told);
    }
}
