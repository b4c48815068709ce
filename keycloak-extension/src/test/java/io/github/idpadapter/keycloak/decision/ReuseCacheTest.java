package io.github.idpadapter.keycloak.decision;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

class ReuseCacheTest {

    private final ReuseCache cache = new ReuseCache(2);

    private static Decision decision(boolean permit, int reuseS, String unavailable) {
        return new Decision("d", "LOW", permit, List.of(), false, Obligations.NONE, reuseS, List.of(), unavailable);
    }

    @Test
    void aDecisionStandsInWhileItMayAndNothingChanged() {
        cache.keep("s", "seen", decision(true, 10, null), 0);
        assertTrue(cache.find("s", "seen", 9_999).isPresent());
        assertFalse(cache.find("s", "seen", 10_000).isPresent());
        assertFalse(cache.find("s", "other", 1).isPresent());
        assertFalse(cache.find("t", "seen", 1).isPresent());
    }

    @Test
    void howOftenItStoodInIsToldOnce() {
        cache.keep("s", "seen", decision(true, 10, null), 0);
        cache.find("s", "seen", 1);
        cache.find("s", "seen", 2);
        cache.find("s", "other", 3);
        assertEquals(2, cache.used("s"));
        assertEquals(0, cache.used("s"));
    }

    @Test
    void onlyPermissionsOfTheServiceAreKept() {
        cache.keep("a", "seen", decision(false, 10, null), 0);
        cache.keep("b", "seen", decision(true, 0, null), 0);
        cache.keep("c", "seen", decision(true, 10, "timeout"), 0);
        assertFalse(cache.find("a", "seen", 1).isPresent() || cache.find("b", "seen", 1).isPresent()
                || cache.find("c", "seen", 1).isPresent());
    }

    @Test
    void itIsBounded() {
        for (String key : List.of("a", "b", "c")) {
            cache.keep(key, "seen", decision(true, 10, null), 0);
        }
        assertFalse(cache.find("a", "seen", 1).isPresent());
        assertTrue(cache.find("c", "seen", 1).isPresent());
    }
}
