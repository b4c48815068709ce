package io.github.idpadapter.keycloak.decision;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Decisions that may be used again, per node and bounded. One is used only where all that the service would be shown is the same,
 * and how often is told at the next question, so that the service doesn't mistake silence for calm. A workload of several nodes has
 * a decision for each address.
 */
public final class ReuseCache {

    private static final class Entry {
        private Decision decision;
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

    /** The key of a question: whom it is about, and a digest of all that is seen of the request. */
    public static String key(String about, String seen) {
        return about + ' ' + Base64.getEncoder().encodeToString(digest(seen));
    }

    /** Returns the decision of the same question, if it may stand in. */
    public synchronized Optional<Decision> find(String key, long nowMs) {
        Entry entry = entries.get(key);
        if (entry == null || nowMs >= entry.untilMs) {
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
    public synchronized void keep(String key, Decision decision, long nowMs) {
        if (decision.reuseS() > 0 && decision.permit() && decision.unavailable() == null) {
            Entry entry = new Entry();
            entry.decision = decision;
            entry.untilMs = nowMs + decision.reuseS() * 1000L;
            entries.put(key, entry);
        }
    }

    private static byte[] digest(String seen) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(seen.getBytes(StandardCharsets.UTF_8));
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException(impossible);
        }
    }
}
