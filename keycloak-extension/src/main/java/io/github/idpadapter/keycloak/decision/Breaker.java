package io.github.idpadapter.keycloak.decision;

import java.util.function.LongSupplier;

/**
 * Spares an ill service, and logins the wait for it: after some failures in a row nobody is sent for a while; then one probe
 * decides whether it closes.
 */
final class Breaker {

    private final int failuresToOpen;
    private final long openMs;
    private final LongSupplier millis;
    private int failures;
    private long openUntil;
    private boolean open;
    private boolean probing;

    Breaker(int failuresToOpen, long openMs, LongSupplier millis) {
        this.failuresToOpen = failuresToOpen;
        this.openMs = openMs;
        this.millis = millis;
    }

    /** Whether a call may go out now. Every permitted call is followed by one of {@link #succeeded}, {@link #failed}. */
    synchronized boolean permits() {
        if (!open) {
            return true;
        }
        if (probing || millis.getAsLong() < openUntil) {
            return false;
        }
        probing = true;
        return true;
    }

    /** Returns whether that closed it. */
    synchronized boolean succeeded() {
        boolean wasOpen = open;
        failures = 0;
        open = false;
        probing = false;
        return wasOpen;
    }

    /** Returns whether that opened it. */
    synchronized boolean failed() {
        boolean wasOpen = open;
        failures++;
        if (open || failures >= failuresToOpen) {
            open = true;
            probing = false;
            openUntil = millis.getAsLong() + openMs;
        }
        return open && !wasOpen;
    }

    synchronized boolean isOpen() {
        return open;
    }
}
