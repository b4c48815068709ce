package io.github.idpadapter.keycloak.login;

import io.github.idpadapter.keycloak.decision.Decision;
import java.util.Set;
import org.keycloak.authentication.AuthenticationFlowContext;

/** One plain sentence on why more is asked. Coarse on purpose: it must not teach anyone how to look familiar. */
final class LoginMessages {

    static final Set<String> KNOWN = Set.of("new_device", "new_place", "recent_failures", "device_posture");

    private LoginMessages() {
    }

    static void tellWhy(AuthenticationFlowContext context, Decision decision) {
        String reason = decision.userReasons().stream().filter(KNOWN::contains).findFirst().orElse("other");
        context.setForwardedInfoMessage("riskReason_" + reason);
    }
}
