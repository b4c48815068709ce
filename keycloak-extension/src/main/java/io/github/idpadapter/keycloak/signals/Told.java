package io.github.idpadapter.keycloak.signals;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedSet;

/** Names that a question tells: in their order as many as the service takes. {@code cut} says that there are more than these. */
record Told(List<String> names, boolean cut) {

    static final int MOST = 512;
    /** As JSON: roles and groups together leave room in 64 KB for the longest telemetry and posture. */
    static final int MOST_BYTES = 14_000;
    static final int MOST_CHARS = 1024;
    private static final int QUOTES_AND_COMMA = 3;

    static Told of(SortedSet<String> all) {
        List<String> told = new ArrayList<>(Math.min(all.size(), MOST));
        int bytes = 0;
        for (String name : all) {
            int more = name.getBytes(StandardCharsets.UTF_8).length + QUOTES_AND_COMMA;
            if (name.length() > MOST_CHARS) {
                continue;
            }
            if (told.size() == MOST || bytes + more > MOST_BYTES) {
                break;
            }
            told.add(name);
            bytes += more;
        }
        return new Told(List.copyOf(told), told.size() < all.size());
    }
}
