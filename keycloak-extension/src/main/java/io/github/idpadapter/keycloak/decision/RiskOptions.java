package io.github.idpadapter.keycloak.decision;

import java.net.URI;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** The start options: their names, defaults and limits. A wrong value ends the start, and every wrong one is told at once. */
final class RiskOptions {

    static final String PREFIX = "--spi-risk-decision--default--";

    /** An option as the administrator meets it. */
    record Option(String name, String fallback, String help) {
    }

    static final List<Option> ALL = List.of(
            new Option("enabled", "true", "Whether the service is asked at all; false is the way out when everything else fails."),
            new Option("service-url", "http://127.0.0.1:8181", "Base URL of the risk service."),
            new Option("audience", null, "Audience of the tokens shown to the service; its URL unless set."),
            new Option("decision-issuer", null, "Issuer that signs decisions; the service's URL unless set."),
            new Option("login-budget-ms", "250", "Total time for a decision at login."),
            new Option("token-budget-ms", "150", "Total time for a decision at the token endpoint."),
            new Option("bulkhead", "16", "Calls in flight at most; the rest goes by the fail mode at once."),
            new Option("breaker-failures", "5", "Failures in a row that stop the calls for a while."),
            new Option("breaker-open-ms", "5000", "How long the calls stop before one probe."),
            new Option("login-fail-mode", "step-up", "Without a decision at login: step-up, allow or deny."),
            new Option("refresh-fail-mode", "limit", "Without a decision for user tokens: limit, allow or deny."),
            new Option("machine-fail-mode", "limit", "Without a decision for service accounts: limit, allow or deny."),
            new Option("limit-access-token-s", "60", "Access token life under limit."),
            new Option("limit-refresh-token-s", "600", "Refresh token life under limit."),
            new Option("max-response-bytes", "65536", "Largest response that is read."),
            new Option("step-up-acr", "urn:idp-adapter:acr:mfa", "The acr that the login fail mode step-up asks for."),
            new Option("excluded-realms", "master", "Names of realms, with commas, whose tokens nobody is asked about."),
            new Option("posture-header", null, "Header in which a trusted proxy hands over a posture assertion; none unless set."));

    private static final Set<FailMode> LOGIN_MODES = Set.of(FailMode.STEP_UP, FailMode.ALLOW, FailMode.DENY);
    private static final Pattern HEADER = Pattern.compile("[A-Za-z0-9-]{1,64}");
    /** Headers of others, which hold secrets that are none of the service's business. */
    private static final Set<String> NOT_OURS = Set.of("authorization", "proxy-authorization", "cookie", "dpop");
    private static final Set<FailMode> TOKEN_MODES = Set.of(FailMode.LIMIT, FailMode.ALLOW, FailMode.DENY);

    private final UnaryOperator<String> source;
    private final List<String> problems = new ArrayList<>();

    private RiskOptions(UnaryOperator<String> source) {
        this.source = source;
    }

    /** Reads every option; throws one exception that lists every problem. */
    static RiskConfig read(UnaryOperator<String> source) {
        return new RiskOptions(source).read();
    }

    private RiskConfig read() {
        URI service = serviceUrl();
        RiskConfig config = new RiskConfig(bool("enabled"), service, orElse("audience", String.valueOf(service)),
                orElse("decision-issuer", String.valueOf(service)), number("login-budget-ms", 1, 10_000),
                number("token-budget-ms", 1, 10_000), number("bulkhead", 1, 1000), number("breaker-failures", 1, 1000),
                number("breaker-open-ms", 100, 600_000), mode("login-fail-mode", LOGIN_MODES),
                mode("refresh-fail-mode", TOKEN_MODES), mode("machine-fail-mode", TOKEN_MODES),
                number("limit-access-token-s", 1, 86_400), number("limit-refresh-token-s", 1, 31_536_000),
                number("max-response-bytes", 1024, 1_048_576), value("step-up-acr"),
                Set.of(value("excluded-realms").split("\\s*,\\s*")), header("posture-header"));
        if (!problems.isEmpty()) {
            throw new IllegalArgumentException("The risk extension can't start:\n  " + String.join("\n  ", problems));
        }
        return config;
    }

    private String value(String name) {
        String given = source.apply(name);
        return given == null || given.isBlank()
                ? ALL.stream().filter(option -> option.name().equals(name)).findFirst().orElseThrow().fallback() : given.strip();
    }

    private String orElse(String name, String other) {
        String given = value(name);
        return given == null ? other : given;
    }

    private URI serviceUrl() {
        String given = value("service-url").replaceAll("/+$", "");
        try {
            URI url = URI.create(given);
            if (Set.of("http", "https").contains(String.valueOf(url.getScheme())) && url.getHost() != null
                    && url.getQuery() == null && url.getFragment() == null) {
                return url;
            }
        } catch (IllegalArgumentException notOne) {
            // told below
        }
        return problem("service-url", given, "set it to an http or https URL such as http://127.0.0.1:8181", null);
    }

    private boolean bool(String name) {
        String given = value(name);
        return given.equals("true") || !given.equals("false") && problem(name, given, "set it to true or false", Boolean.TRUE);
    }

    private int number(String name, int least, int most) {
        String given = value(name);
        try {
            int number = Integer.parseInt(given);
            if (number >= least && number <= most) {
                return number;
            }
        } catch (NumberFormatException notOne) {
            // told below
        }
        return problem(name, given, "set it to a whole number from " + least + " to " + most, least);
    }

    private String header(String name) {
        String given = value(name);
        if (given == null || HEADER.matcher(given).matches() && !NOT_OURS.contains(given.toLowerCase(Locale.ROOT))) {
            return given;
        }
        return problem(name, given, "set it to the name of a header that only the proxy sets, such as X-Device-Posture", null);
    }

    private FailMode mode(String name, Set<FailMode> choices) {
        String given = value(name);
        return FailMode.of(given).filter(choices::contains).orElseGet(() -> problem(name, given, "set it to "
                + Arrays.stream(FailMode.values()).filter(choices::contains).map(FailMode::label)
                        .collect(Collectors.joining(" or ")), null));
    }

    private <T> T problem(String name, String given, String fix, T instead) {
        problems.add(PREFIX + name + "=" + given + " is not valid: " + fix + ".");
        return instead;
    }
}
