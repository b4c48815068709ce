package io.github.idpadapter.keycloak.decision;

/** The names of everything that the extension writes into Keycloak's sessions and events. */
public final class RiskNotes {

    /** Event details. */
    public static final String EVENT_DECISION_ID = "risk_decision_id";
    public static final String EVENT_LEVEL = "risk_level";
    public static final String EVENT_UNAVAILABLE = "risk_unavailable";
    /** Error of events where a decision refused. */
    public static final String ERROR_DENIED = "risk_denied";
    /** Error of logins that an application wants at a level for which the user has no factor; no decision of the service. */
    public static final String ERROR_NO_FACTOR = "risk_factor_missing";

    /** User session: the last decision. */
    public static final String LEVEL = "risk.level";
    public static final String DECISION_ID = "risk.decision_id";
    /** User session: the level that the login proved after its decision, beyond a first factor; empty where none. */
    public static final String STEPPED_UP = "risk.stepped_up";
    /** User session: the decision whose login is not yet told as an outcome. */
    public static final String TO_REPORT = "risk.to_report";
    /** User session: the level of authentication owed since a refusal, and since when (seconds). */
    public static final String OWED_LOA = "risk.owed_loa";
    public static final String OWED_AT = "risk.owed_at";

    /** Client session (by client note): the login's decision, for the token request that follows. */
    public static final String LOGIN_DECISION = "risk.login_decision";

    /** Login: what the form sent on which the code of a second factor was typed last, and the challenge that it carried. */
    public static final String CODE_TELEMETRY = "risk.code_telemetry";
    public static final String CODE_CHALLENGE = "risk.code_challenge";

    /** Request attribute: the decision taken before the tokens were made. */
    public static final String REQUEST_DECISION = "risk.decision";

    /** Request attribute: the decision was used again, so its outcome is told already. */
    public static final String REQUEST_REUSED = "risk.reused";

    private RiskNotes() {
    }
}
