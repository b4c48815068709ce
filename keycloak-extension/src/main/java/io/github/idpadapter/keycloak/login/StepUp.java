package io.github.idpadapter.keycloak.login;

import io.github.idpadapter.keycloak.decision.AcrLadder;
import io.github.idpadapter.keycloak.decision.Decision;
import io.github.idpadapter.keycloak.decision.RiskNotes;
import java.util.Map;
import java.util.OptionalInt;
import org.keycloak.authentication.AuthenticationFlowContext;
import org.keycloak.authentication.authenticators.util.LoAUtil;
import org.keycloak.common.util.Time;
import org.keycloak.models.UserSessionModel;

/**
 * What a login has to prove beyond what it has. A level counts as within reach only where the user already has a factor for it:
 * Keycloak would send anyone else to enrol one, in the very session that is in doubt.
 */
final class StepUp {

    private final AuthenticationFlowContext context;
    private final LoginLevels levels;

    StepUp(AuthenticationFlowContext context, LoginLevels levels) {
        this.context = context;
        this.levels = levels;
    }

    /** The lowest level within reach that satisfies the decision; empty where there is none. */
    OptionalInt wanted(Decision decision) {
        AcrLadder ladder = AcrLadder.of(context.getAuthenticationSession().getClient());
        return decision.acrValues().stream().map(ladder::level).filter(OptionalInt::isPresent).mapToInt(OptionalInt::getAsInt)
                .filter(level -> isWithinReach(level, mustBeFresh(decision, level))).min();
    }

    /** Whether the user can be asked for a level: it is there and counts, or a factor for it is. */
    boolean isWithinReach(int level, boolean fresh) {
        if (!fresh && levels.current() >= level) {
            return true;
        }
        Map<String, Integer> types =
                LoAUtil.getCredentialTypesToLoAMap(context.getSession(), context.getRealm(), context.getTopLevelFlow());
        return types.entrySet().stream().anyMatch(type -> type.getValue() >= level
                && context.getUser().credentialManager().isConfiguredFor(type.getKey()));
    }

    /**
     * Whether a level that the session already has must be proved again: the decision knew of it and still wants it. A proof
     * that is young enough for the decision stands, and so does one from this very login.
     */
    boolean mustBeFresh(Decision decision, int level) {
        if (!levels.isByCookie() || levels.current() < level || decision.unavailable() != null) {
            return false;
        }
        Integer maxAge = decision.obligations().maxAgeS();
        return maxAge == null || levels.provenAt(level) < Time.currentTime() - maxAge;
    }

    /** The level that the session owes since a refusal elsewhere; empty where it owes none or has proved it since. */
    OptionalInt owed(UserSessionModel existing) {
        String level = existing == null ? null : existing.getNote(RiskNotes.OWED_LOA);
        if (level == null || level.isEmpty()) {
            return OptionalInt.empty();
        }
        String since = existing.getNote(RiskNotes.OWED_AT);
        int owed = Integer.parseInt(level);
        boolean isPaid = levels.provenAt(owed) > (since == null ? 0 : Integer.parseInt(since));
        return isPaid ? OptionalInt.empty() : OptionalInt.of(owed);
    }

    /** Asks for a level, freshly where that is wanted; then an abandoned page must not leave the old proof in force. */
    void demand(int level, boolean fresh, UserSessionModel existing) {
        levels.demand(level);
        if (fresh) {
            levels.forgetFrom(level);
            if (existing != null) {
                existing.setNote(RiskNotes.OWED_LOA, String.valueOf(level));
                existing.setNote(RiskNotes.OWED_AT, String.valueOf(Time.currentTime()));
            }
        }
    }
}
