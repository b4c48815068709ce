package io.github.idpadapter.keycloak.decision;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

class ReuseCacheTest {

    private final ReuseCache cache = new ReuseCache(2);

    private static Decision decision(boolean permit, int reuseS, String unavailable) {
        return new Decision("d", "LOW", permit, List.of(), false, Obligations.NONE, reuseS, List.of(), unavailable);
    }

    @Test
    void aDecisionStandsInWhileItMay() {
        cache.keep("s", decision(true, 10, null), 0);
        assertTrue(cache.find("s", 9_999).isPresent());
        assertFalse(cache.find("s", 10_000).isPresent());
        assertFalse(cache.find("t", 1).isPresent());
    }

    @Test
    void whatIsSeenIsPartOfTheQuestion() {
        assertEquals(ReuseCache.key("s", "seen"), ReuseCache.key("s", "seen"));
        assertNotEquals(ReuseCache.key("s", "seen"), ReuseCache.key("s", "other"));
        assertNotEquals(ReuseCache.key("s", "seen"), ReuseCache.key("t", "seen"));
    }

    @Test
    void howOftenItStoodInIsToldOnce() {
        cache.keep("s", decision(true, 10, null), 0);
        cache.find("s", 1);
        cache.find("s", 2);
        cache.find("t", 3);
        assertEquals(2, cache.used("s"));
        assertEquals(0, cache.used("s"));
    }

    @Test
    void onlyPermissionsOfTheServiceAreKept() {
        cache.keep("a", decision(false, 10, null), 0);
        cache.keep("b", decision(true, 0, null), 0);
        cache.keep("c", decision(true, 10, "timeout"), 0);
        assertFalse(cache.find("a", 1).isPresent() || cache.find("b", 1).isPresent() || cache.find("c", 1).isPresent());
    }

    @Test
    void itIsBounded() {
        for (String key : List.of("a", "b", "c")) {
            cache.keep(key, decision(true, 10, null), 0);
        }
        assertFalse(cache.find("a", 1).isPresent());
        assertTrue(cache.find("c", 1).isPresent());
    }
}
