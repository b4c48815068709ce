package io.github.idpadapter.keycloak.login;

import java.util.List;
import org.keycloak.authentication.AuthenticationFlowContext;
import org.keycloak.authentication.Authenticator;
import org.keycloak.authentication.AuthenticatorFactory;
import org.keycloak.authentication.authenticators.conditional.ConditionalAuthenticatorFactory;
import org.keycloak.authentication.authenticators.conditional.ConditionalLoaAuthenticatorFactory;
import org.keycloak.authentication.authenticators.util.LoAUtil;
import org.keycloak.models.AuthenticationExecutionModel;
import org.keycloak.models.AuthenticatorConfigModel;

/**
 * Whether the application asks for a level where the user can use none of the flow's steps, and none would enrol one. Keycloak would
 * tell somebody who typed the right password that it is wrong. What a flow leaves open is left to Keycloak.
 */
final class MissingFactor {

    private final AuthenticationFlowContext context;
    private final LoginLevels levels;

    MissingFactor(AuthenticationFlowContext context, LoginLevels levels) {
        this.context = context;
        this.levels = levels;
    }

    boolean isCertain() {
        int reached = Math.max(levels.current(), LoginLevels.FIRST_FACTOR);
        int asked = levels.requested();
        return asked > reached && steps(context.getTopLevelFlow().getId()).stream()
                .filter(step -> step.isAuthenticatorFlow() && step.isConditional())
                .anyMatch(step -> isForLevel(step, reached, asked) && isDeadEnd(step.getFlowId()));
    }

    /** Whether a subflow runs for a level above one and up to another, by that condition alone. */
    private boolean isForLevel(AuthenticationExecutionModel subflow, int above, int most) {
        List<AuthenticationExecutionModel> conditions = steps(subflow.getFlowId()).stream().filter(this::isCondition).toList();
        if (conditions.size() != 1 || !ConditionalLoaAuthenticatorFactory.PROVIDER_ID.equals(conditions.get(0).getAuthenticator())) {
            return false;
        }
        String id = conditions.get(0).getAuthenticatorConfig();
        AuthenticatorConfigModel config = id == null ? null : context.getRealm().getAuthenticatorConfigById(id);
        Integer level = config == null ? null : LoAUtil.getLevelFromLoaConditionConfiguration(config);
        return level != null && level > above && level <= most;
    }

    /** Required steps are all needed; beside them Keycloak ignores alternatives, of which else one is enough. */
    private boolean isDeadEnd(String flowId) {
        List<AuthenticationExecutionModel> steps = steps(flowId).stream().filter(step -> !isCondition(step)).toList();
        if (steps.stream().anyMatch(step -> step.isRequired() || step.isConditional())) {
            return steps.stream().filter(AuthenticationExecutionModel::isRequired).anyMatch(this::isDeadEnd);
        }
        return !steps.isEmpty() && steps.stream().allMatch(this::isDeadEnd);
    }

    private boolean isDeadEnd(AuthenticationExecutionModel step) {
        if (step.isAuthenticatorFlow()) {
            return isDeadEnd(step.getFlowId());
        }
        AuthenticatorFactory factory = factory(step);
        if (factory == null || step.isRequired() && factory.isUserSetupAllowed()) {
            return false;
        }
        Authenticator authenticator = factory.create(context.getSession());
        return authenticator.requiresUser()
                && !authenticator.configuredFor(context.getSession(), context.getRealm(), context.getUser());
    }

    private List<AuthenticationExecutionModel> steps(String flowId) {
        return context.getRealm().getAuthenticationExecutionsStream(flowId).filter(AuthenticationExecutionModel::isEnabled).toList();
    }

    private boolean isCondition(AuthenticationExecutionModel step) {
        return !step.isAuthenticatorFlow() && factory(step) instanceof ConditionalAuthenticatorFactory;
    }

    private AuthenticatorFactory factory(AuthenticationExecutionModel step) {
        return (AuthenticatorFactory) context.getSession().getKeycloakSessionFactory()
                .getProviderFactory(Authenticator.class, step.getAuthenticator());
    }
}
