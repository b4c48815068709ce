package io.github.idpadapter.keycloak.decision;

import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jboss.logging.Logger;

/** Stands in for the service by the configured fail mode, and sees to it that this is counted and said. */
final class Fallback {

    private static final Logger LOG = Logger.getLogger("io.github.idpadapter.keycloak");

    private final RiskConfig config;
    private final Set<String> strangers = ConcurrentHashMap.newKeySet();

    Fallback(RiskConfig config) {
        this.config = config;
    }

    Decision decide(Hook hook, String issuer, Unavailable failed) {
        FailMode mode = config.failMode(hook);
        RiskMetrics.unavailable(hook, failed.label(), mode);
        tell(hook, issuer, failed, mode);
        switch (mode) {
            case ALLOW:
                return Decision.permit(Obligations.NONE, failed.label());
            case LIMIT:
                return Decision.permit(config.limited(Obligations.NONE), failed.label());
            case STEP_UP:
                return Decision.refuse(List.of(config.stepUpAcr()), failed.label());
            default:
                return Decision.refuse(List.of(), failed.label());
        }
    }

    /** A realm that the service refuses is a fault of configuration, which the good answers of others must not hide. */
    private void tell(Hook hook, String issuer, Unavailable failed, FailMode mode) {
        boolean isStranger = failed.label().equals("http_401") || failed.label().equals("http_403");
        if (isStranger && strangers.add(issuer)) {
            LOG.warnf("The risk service at %s answers %s to %s: is the issuer in its allow-list? Until then %s applies",
                    config.serviceUrl(), failed.label(), issuer, mode.label());
        } else {
            LOG.debugf("No decision at %s: %s; %s applies", hook.action(), failed.label(), mode.label());
        }
    }
}
