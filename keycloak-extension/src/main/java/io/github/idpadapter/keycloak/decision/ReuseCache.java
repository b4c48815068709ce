package io.github.idpadapter.keycloak.decision;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Decisions that may be used again, per node and bounded. One is used only while all that the service was shown is the same, and
 * how often is told at the next question, so that the service doesn't mistake silence for calm.
 */
public final class ReuseCache {

    private static final class Entry {
        private Decision decision;
        private byte[] seen;
        private long untilMs;
        private int used;
    }

    private final Map<String, Entry> entries;

    ReuseCache(int most) {
        entries = new LinkedHashMap<>(64, .75f, true) {
            private static final long serialVersionUID = 1L;

            @Override
            protected boolean removeEldestEntry(Map.Entry<String, Entry> eldest) {
                return size() > most;
            }
        };
    }

    /** Returns the decision for what is seen now, if it may stand in. */
    public synchronized Optional<Decision> find(String key, String seen, long nowMs) {
        Entry entry = entries.get(key);
        if (entry == null || nowMs >= entry.untilMs || !Arrays.equals(entry.seen, digest(seen))) {
            return Optional.empty();
        }
        entry.used++;
        return Optional.of(entry.decision);
    }

    /** How often the last decision stood in; asking for it starts a new count. */
    public synchronized int used(String key) {
        Entry entry = entries.remove(key);
        return entry == null ? 0 : entry.used;
    }

    /** Keeps a decision of the service that allows it; anything but a plain permission is asked for again each time. */
    public synchronized void keep(String key, String seen, Decision decision, long nowMs) {
        if (decision.reuseS() > 0 && decision.permit() && decision.unavailable() == null) {
            Entry entry = new Entry();
            entry.decision = decision;
            entry.seen = digest(seen);
            entry.untilMs = nowMs + decision.reuseS() * 1000L;
            entries.put(key, entry);
        }
    }

    public synchronized void forget(String key) {
        entries.remove(key);
    }

    private static byte[] digest(String seen) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(seen.getBytes(StandardCharsets.UTF_8));
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException(impossible);
        }
    }
}
