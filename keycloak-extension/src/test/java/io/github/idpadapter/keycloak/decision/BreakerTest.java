package io.github.idpadapter.keycloak.decision;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class BreakerTest {

    private final AtomicLong clock = new AtomicLong();
    private final Breaker breaker = new Breaker(3, 1000, clock::get);

    private void open() {
        for (int i = 0; i < 3; i++) {
            assertTrue(breaker.permits());
            breaker.failed();
        }
    }

    @Test
    void itOpensAfterFailuresInARow() {
        breaker.failed();
        breaker.failed();
        breaker.succeeded();
        breaker.failed();
        breaker.failed();
        assertFalse(breaker.isOpen());
        assertTrue(breaker.failed());
        assertFalse(breaker.permits());
    }

    @Test
    void afterAWhileOneProbeGoesOut() {
        open();
        clock.set(999);
        assertFalse(breaker.permits());
        clock.set(1000);
        assertTrue(breaker.permits());
        assertFalse(breaker.permits());
    }

    @Test
    void aGoodProbeClosesIt() {
        open();
        clock.set(1000);
        assertTrue(breaker.permits());
        assertTrue(breaker.succeeded());
        assertTrue(breaker.permits());
        assertTrue(breaker.permits());
    }

    @Test
    void aBadProbeKeepsItOpenAnew() {
        open();
        clock.set(1000);
        assertTrue(breaker.permits());
        breaker.failed();
        clock.set(1999);
        assertFalse(breaker.permits());
        clock.set(2000);
        assertTrue(breaker.permits());
    }
}
