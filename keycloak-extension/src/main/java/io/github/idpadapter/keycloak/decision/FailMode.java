package io.github.idpadapter.keycloak.decision;

import java.util.Arrays;
import java.util.Optional;

/** What an enforcer does where no decision can be had. It is chosen by an administrator, counted, and never silent. */
enum FailMode {
    STEP_UP("step-up"), LIMIT("limit"), ALLOW("allow"), DENY("deny");

    private final String label;

    FailMode(String label) {
        this.label = label;
    }

    String label() {
        return label;
    }

    static Optional<FailMode> of(String label) {
        return Arrays.stream(values()).filter(mode -> mode.label.equals(label)).findFirst();
    }
}
