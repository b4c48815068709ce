package io.github.idpadapter.keycloak.login;

import com.fasterxml.jackson.core.type.TypeReference;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Map;
import java.util.TreeMap;
import org.keycloak.authentication.AuthenticationFlowContext;
import org.keycloak.authentication.authenticators.util.AcrStore;
import org.keycloak.models.AuthenticationFlowModel;
import org.keycloak.models.Constants;
import org.keycloak.models.KeycloakSession;
import org.keycloak.services.managers.AuthenticationManager;
import org.keycloak.services.resources.LoginActionsService;
import org.keycloak.sessions.AuthenticationSessionModel;
import org.keycloak.util.JsonSerialization;

/** Levels of authentication of one login: what is reached, what is wanted, and Keycloak's notes that hold them. */
final class LoginLevels {

    static final int FIRST_FACTOR = 1;
    /** Auth note: the user is known by the SSO cookie, nothing was typed in this login yet. */
    static final String BY_COOKIE = "risk.by_cookie";
    /** Auth note: the level at the risk step. */
    private static final String AT_RISK_STEP = "risk.level_at_step";
    /** Client note: what the application wanted, before a decision raised it. */
    private static final String ASKED = "risk.asked";

    private final AuthenticationSessionModel login;
    private final AuthenticationFlowModel flow;
    private final AcrStore store;

    LoginLevels(KeycloakSession session, AuthenticationSessionModel login, AuthenticationFlowModel flow) {
        this.login = login;
        this.flow = flow;
        this.store = new AcrStore(session, login);
    }

    int current() {
        return store.getLevelOfAuthenticationFromCurrentAuthentication();
    }

    int requested() {
        return store.getRequestedLevelOfAuthentication(flow);
    }

    boolean isByCookie() {
        return "true".equals(login.getAuthNote(BY_COOKIE));
    }

    boolean isMet() {
        return !store.isLevelOfAuthenticationForced() || store.isLevelOfAuthenticationSatisfiedFromCurrentAuthentication(flow);
    }

    /** Remembers the level before anything more is asked. */
    void noteCurrent() {
        login.setAuthNote(AT_RISK_STEP, String.valueOf(current()));
    }

    /** Whether more than a first factor was proved since then, whoever asked for it: the decision or the application. */
    boolean isSteppedUp() {
        String before = login.getAuthNote(AT_RISK_STEP);
        return before != null && current() > Math.max(Integer.parseInt(before), FIRST_FACTOR);
    }

    /** Undoes what an earlier decision raised: client notes outlive a restarted login, and its decision is taken anew. */
    void restoreRequested() {
        String asked = login.getClientNote(ASKED);
        if (asked == null) {
            login.setClientNote(ASKED, text(Constants.REQUESTED_LEVEL_OF_AUTHENTICATION) + '/'
                    + text(Constants.FORCE_LEVEL_OF_AUTHENTICATION));
            return;
        }
        String[] parts = asked.split("/", -1);
        put(Constants.REQUESTED_LEVEL_OF_AUTHENTICATION, parts[0]);
        put(Constants.FORCE_LEVEL_OF_AUTHENTICATION, parts[1]);
    }

    /**
     * Where a flow has no condition for the first level, says what coming this far proves: a first factor in the flows behind a
     * password, an e-mailed link or another provider, nothing in the browser flow.
     */
    void ensureBase(AuthenticationFlowContext context) {
        if (current() >= Constants.MINIMUM_LOA) {
            return;
        }
        if (LoginActionsService.AUTHENTICATE_PATH.equals(context.getFlowPath())) {
            store.setLevelAuthenticatedToCurrentRequest(Constants.MINIMUM_LOA);
        } else {
            store.setLevelAuthenticated(FIRST_FACTOR);
        }
    }

    /** Makes the flow's level conditions ask, and the end of the flow check. */
    void demand(int level) {
        if (level > requested()) {
            login.setClientNote(Constants.REQUESTED_LEVEL_OF_AUTHENTICATION, String.valueOf(level));
        }
        login.setClientNote(Constants.FORCE_LEVEL_OF_AUTHENTICATION, "true");
    }

    /** Whether something will be asked, so that this login isn't silent and moves auth_time. */
    void noteThatMoreIsAsked() {
        login.removeAuthNote(AuthenticationManager.SSO_AUTH);
    }

    /** When a level was proved last, in seconds; 0 for never. */
    int provenAt(int level) {
        return proven().getOrDefault(level, 0);
    }

    /** Forgets proofs from a level up, so that they are asked for again. */
    void forgetFrom(int level) {
        TreeMap<Integer, Integer> kept = new TreeMap<>(proven());
        kept.keySet().removeIf(each -> each >= level);
        try {
            login.setAuthNote(Constants.LOA_MAP, JsonSerialization.writeValueAsString(kept));
        } catch (IOException impossible) {
            throw new UncheckedIOException(impossible);
        }
        if (current() >= level) {
            store.setLevelAuthenticatedToCurrentRequest(level - 1);
        }
    }

    /** Carries the proofs to the user session, also from flows that have no level condition. */
    void keepProofs() {
        login.setUserSessionNote(Constants.LOA_MAP, login.getAuthNote(Constants.LOA_MAP));
    }

    private Map<Integer, Integer> proven() {
        String map = login.getAuthNote(Constants.LOA_MAP);
        try {
            return map == null ? Map.of() : JsonSerialization.readValue(map, new TypeReference<Map<Integer, Integer>>() { });
        } catch (IOException foreign) {
            return Map.of();
        }
    }

    private String text(String note) {
        String value = login.getClientNote(note);
        return value == null ? "" : value;
    }

    private void put(String note, String value) {
        if (value.isEmpty()) {
            login.removeClientNote(note);
        } else {
            login.setClientNote(note, value);
        }
    }
}
