package io.github.idpadapter.keycloak.decision;

import java.net.URI;
import java.util.Set;
import org.keycloak.models.RealmModel;

/**
 * The server's configuration of the extension, read once at start by {@link RiskOptions}. {@code postureHeader} is null where no
 * header is listened to.
 */
public record RiskConfig(boolean enabled, URI serviceUrl, String audience, String decisionIssuer, int loginBudgetMs,
                         int tokenBudgetMs, int bulkhead, int breakerFailures, int breakerOpenMs, FailMode loginFailMode,
                         FailMode refreshFailMode, FailMode machineFailMode, int limitAccessTokenS, int limitRefreshTokenS,
                         int maxResponseBytes, String stepUpAcr, Set<String> excludedRealms, String postureHeader) {

    int budgetMs(Hook hook) {
        return hook.family() == Hook.Family.LOGIN ? loginBudgetMs : tokenBudgetMs;
    }

    FailMode failMode(Hook hook) {
        switch (hook.family()) {
            case LOGIN:
                return loginFailMode;
            case REFRESH:
                return refreshFailMode;
            default:
                return machineFailMode;
        }
    }

    /** Whether a realm's tokens are asked about; logins are, wherever a flow has the risk step. */
    public boolean includes(RealmModel realm) {
        return enabled && !excludedRealms.contains(realm.getName()) && !"false".equals(realm.getAttribute("risk.enabled"));
    }

    /** Obligations not longer than the shortest tokens that this server gives out. */
    public Obligations limited(Obligations obligations) {
        return obligations.shortenedTo(limitAccessTokenS, limitRefreshTokenS);
    }
}
