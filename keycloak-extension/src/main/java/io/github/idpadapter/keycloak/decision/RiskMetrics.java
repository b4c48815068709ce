package io.github.idpadapter.keycloak.decision;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Metrics;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;

/** What an operator can see at Keycloak's {@code /metrics}. Labels come from small closed sets. */
public final class RiskMetrics {

    private static final ConcurrentMap<Hook, Timer> CALLS = new ConcurrentHashMap<>();

    private RiskMetrics() {
    }

    static void decided(Hook hook, String result) {
        Metrics.counter("risk.decisions", "hook", hook.action(), "result", result).increment();
    }

    static void unavailable(Hook hook, String cause, FailMode mode) {
        Metrics.counter("risk.unavailable", "hook", hook.action(), "cause", cause, "mode", mode.label()).increment();
    }

    static void called(Hook hook, long nanos) {
        CALLS.computeIfAbsent(hook, h -> Timer.builder("risk.call").tag("hook", h.action()).publishPercentileHistogram()
                .minimumExpectedValue(Duration.ofMillis(1)).maximumExpectedValue(Duration.ofSeconds(1))
                .register(Metrics.globalRegistry)).record(Duration.ofNanos(nanos));
    }

    static void watch(Breaker breaker) {
        Gauge.builder("risk.breaker.open", breaker, each -> each.isOpen() ? 1 : 0).strongReference(true)
                .register(Metrics.globalRegistry);
    }

    /** A question told only a part of a subject's roles or groups. */
    public static void cut(String kind) {
        Metrics.counter("risk.subject.cut", "list", kind).increment();
    }

    /** Outcomes that the service will not hear of. */
    public static void dropped(int outcomes, String reason) {
        Metrics.counter("risk.outcomes.dropped", "reason", reason).increment(outcomes);
    }
}
