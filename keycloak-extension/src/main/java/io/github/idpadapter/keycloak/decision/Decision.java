package io.github.idpadapter.keycloak.decision;

import java.util.List;

/**
 * The answer that an enforcer carries out. {@code permit}: go on; else {@code acrValues} name what would satisfy; none: refuse.
 * {@code unavailable} is the cause where a fail mode stands in for the service. {@code id} and {@code level} are null then.
 */
public record Decision(String id, String level, boolean permit, List<String> acrValues, boolean limitWhereUnenrolled,
                       Obligations obligations, int reuseS, List<String> userReasons, String unavailable) {

    private static final Decision NOT_ASKED = permit(Obligations.NONE, null);

    public Decision {
        acrValues = List.copyOf(acrValues);
        userReasons = List.copyOf(userReasons);
    }

    public boolean isStepUp() {
        return !permit && !acrValues.isEmpty();
    }

    public boolean isRefusal() {
        return !permit && acrValues.isEmpty();
    }

    /** What an enforcer says to a client that must step up or go away. */
    public String refusalText() {
        return isStepUp() ? "step_up_required acr=" + String.join(" ", acrValues) : "risk_denied";
    }

    /** The same, and the session is over at least, for where leaving it would undo the refusal. */
    public Decision endingSession() {
        Obligations.SessionFate fate = obligations.session() == Obligations.SessionFate.KEEP ? Obligations.SessionFate.END
                : obligations.session();
        Obligations ending = new Obligations(obligations.accessTokenLifespanS(), obligations.refreshTokenLifespanS(),
                obligations.maxAcr(), obligations.maxAgeS(), fate);
        return new Decision(id, level, permit, acrValues, limitWhereUnenrolled, ending, reuseS, userReasons, unavailable);
    }

    /** The decision of an extension that is switched off. */
    static Decision notAsked() {
        return NOT_ASKED;
    }

    static Decision permit(Obligations obligations, String unavailable) {
        return new Decision(null, null, true, List.of(), false, obligations, 0, List.of(), unavailable);
    }

    static Decision refuse(List<String> acrValues, String unavailable) {
        return new Decision(null, null, false, acrValues, false, Obligations.NONE, 0, List.of(), unavailable);
    }

    String result() {
        return permit ? "allow" : isStepUp() ? "step_up" : "deny";
    }
}
