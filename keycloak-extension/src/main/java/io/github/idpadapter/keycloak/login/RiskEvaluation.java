package io.github.idpadapter.keycloak.login;

import io.github.idpadapter.keycloak.decision.Decision;
import io.github.idpadapter.keycloak.decision.Hook;
import io.github.idpadapter.keycloak.decision.Obligations;
import io.github.idpadapter.keycloak.decision.RiskDecisions;
import io.github.idpadapter.keycloak.decision.RiskNotes;
import io.github.idpadapter.keycloak.decision.SessionEnder;
import io.github.idpadapter.keycloak.decision.StoredDecision;
import io.github.idpadapter.keycloak.signals.DeviceCookie;
import java.util.OptionalInt;
import org.keycloak.authentication.AuthenticationFlowCallback;
import org.keycloak.authentication.AuthenticationFlowContext;
import org.keycloak.authentication.AuthenticationFlowError;
import org.keycloak.authentication.AuthenticationFlowException;
import org.keycloak.authentication.AuthenticatorUtil;
import org.keycloak.models.AuthenticationFlowModel;
import org.keycloak.models.KeycloakSession;
import org.keycloak.models.RealmModel;
import org.keycloak.models.UserModel;
import org.keycloak.models.UserSessionModel;
import org.keycloak.services.messages.Messages;
import org.keycloak.sessions.AuthenticationSessionModel;

/**
 * The step that asks, once, after the user is known and before a second factor: goes on, demands a level, or refuses. The end of
 * the flow is checked again, because a level condition can be skipped where the step can't see it.
 */
final class RiskEvaluation implements AuthenticationFlowCallback {

    private final KeycloakSession session;

    RiskEvaluation(KeycloakSession session) {
        this.session = session;
    }

    @Override
    public void authenticate(AuthenticationFlowContext context) {
        AuthenticationSessionModel login = context.getAuthenticationSession();
        AuthenticatorUtil.setAuthCallbacksFactoryIds(login, RiskEvaluationFactory.ID); // nobody does, for a step of the top flow
        if (new LoginRefusal(context).stands()) {
            return;
        }
        LoginLevels levels = new LoginLevels(session, login, context.getTopLevelFlow());
        levels.restoreRequested();
        levels.ensureBase(context);
        UserSessionModel existing = existing(context);
        Hook hook = LoginRefusal.isDirectGrant(context) ? Hook.PASSWORD_GRANT : Hook.LOGIN;
        RiskDecisions decisions = session.getProvider(RiskDecisions.class);
        Decision decision = decisions.decide(hook, LoginRequest.of(context, hook, levels, existing));
        LoginEvents.tell(context.getEvent(), decision);
        enforce(context, levels, existing, decision);
    }

    private void enforce(AuthenticationFlowContext context, LoginLevels levels, UserSessionModel existing, Decision decision) {
        if (decision.isRefusal()) {
            new LoginRefusal(context).deny(decision, LoginRefusal.DENIED);
            SessionEnder.apply(session, existing, decision);
            return;
        }
        StepUp stepUp = new StepUp(context, levels);
        OptionalInt owed = stepUp.owed(existing);
        OptionalInt wanted = decision.isStepUp() ? stepUp.wanted(decision) : OptionalInt.empty();
        boolean owesFresh = owed.isPresent() && levels.current() >= owed.getAsInt();
        boolean unreachable = decision.isStepUp() && wanted.isEmpty() && !decision.limitWhereUnenrolled()
                || owed.isPresent() && !stepUp.isWithinReach(owed.getAsInt(), owesFresh);
        if (unreachable) {
            new LoginRefusal(context).deny(decision, LoginRefusal.NO_FACTOR);
            SessionEnder.apply(session, existing, decision);
            return;
        }
        if (!LoginRefusal.isDirectGrant(context) && new MissingFactor(context, levels).isCertain()) {
            new LoginRefusal(context).lackFactor();
            return;
        }
        int level = Math.max(wanted.orElse(0), owed.orElse(0));
        if (level > 0) {
            boolean fresh = owesFresh || wanted.isPresent() && stepUp.mustBeFresh(decision, wanted.getAsInt());
            stepUp.demand(level, fresh, existing);
            LoginMessages.tellWhy(context, decision);
        }
        keep(context.getAuthenticationSession(), effective(decision, wanted));
        levels.noteCurrent();
        goOn(context, levels);
    }

    /** What the tokens of this login are shaped by, once it is completed: by then a demanded level is reached. */
    private Decision effective(Decision decision, OptionalInt wanted) {
        Obligations obligations = decision.obligations();
        if (decision.isStepUp()) {
            boolean limit = wanted.isEmpty();
            obligations = limit ? session.getProvider(RiskDecisions.class).config().limited(obligations) : obligations.withoutCap();
        }
        return new Decision(decision.id(), decision.level(), true, decision.acrValues(), false, obligations, 0,
                decision.userReasons(), decision.unavailable());
    }

    private static void keep(AuthenticationSessionModel login, Decision decision) {
        login.setClientNote(RiskNotes.LOGIN_DECISION, StoredDecision.write(decision));
        login.setUserSessionNote(RiskNotes.LEVEL, decision.level() == null ? "" : decision.level());
        login.setUserSessionNote(RiskNotes.DECISION_ID, decision.id() == null ? "" : decision.id());
        login.setUserSessionNote(RiskNotes.TO_REPORT, decision.id() == null ? "" : decision.id());
    }

    private static void goOn(AuthenticationFlowContext context, LoginLevels levels) {
        int level = levels.requested();
        if (levels.isByCookie() && levels.current() < LoginLevels.FIRST_FACTOR && level >= LoginLevels.FIRST_FACTOR) {
            context.resetFlow(); // the password is too old to build upon: from the start, and to this step again
            return;
        }
        if (level > levels.current()) {
            levels.noteThatMoreIsAsked();
        }
        context.success();
    }

    private UserSessionModel existing(AuthenticationFlowContext context) {
        UserSessionModel found = session.sessions().getUserSession(context.getRealm(),
                context.getAuthenticationSession().getParentSession().getId());
        return found != null && context.getUser().equals(found.getUser()) ? found : null;
    }

    @Override
    public void onTopFlowSuccess(AuthenticationFlowModel flow) {
        AuthenticationSessionModel login = session.getContext().getAuthenticationSession();
        LoginLevels levels = new LoginLevels(session, login, flow);
        if (!levels.isMet()) {
            throw new AuthenticationFlowException(AuthenticationFlowError.GENERIC_AUTHENTICATION_ERROR,
                    "the level that the risk decision demands was not reached", Messages.ACR_NOT_FULFILLED);
        }
        login.setUserSessionNote(RiskNotes.STEPPED_UP, levels.isSteppedUp() ? String.valueOf(levels.current()) : "");
        login.setUserSessionNote(RiskNotes.OWED_LOA, "");
        login.setUserSessionNote(RiskNotes.OWED_AT, "");
        levels.keepProofs();
        DeviceCookie.give(session);
    }

    @Override
    public void onParentFlowSuccess(AuthenticationFlowContext context) {
    }

    @Override
    public void action(AuthenticationFlowContext context) {
        authenticate(context);
    }

    @Override
    public boolean requiresUser() {
        return true;
    }

    @Override
    public boolean configuredFor(KeycloakSession keycloak, RealmModel realm, UserModel user) {
        return true;
    }

    @Override
    public void setRequiredActions(KeycloakSession keycloak, RealmModel realm, UserModel user) {
    }

    @Override
    public void close() {
    }
}
