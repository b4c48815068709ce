package io.github.idpadapter.keycloak.decision;

import java.net.URI;

/** The server's configuration of the extension, read once at start by {@link RiskOptions}. */
public record RiskConfig(boolean enabled, URI serviceUrl, String audience, String decisionIssuer, int loginBudgetMs,
                         int tokenBudgetMs, int bulkhead, int breakerFailures, int breakerOpenMs, FailMode loginFailMode,
                         FailMode refreshFailMode, FailMode machineFailMode, int limitAccessTokenS, int limitRefreshTokenS,
                         int maxResponseBytes, String stepUpAcr) {

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

    /** Obligations not longer than the shortest tokens that this server gives out. */
    public Obligations limited(Obligations obligations) {
        return obligations.shortenedTo(limitAccessTokenS, limitRefreshTokenS);
    }
}
