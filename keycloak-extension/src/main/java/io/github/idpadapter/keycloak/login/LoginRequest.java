package io.github.idpadapter.keycloak.login;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.idpadapter.keycloak.decision.Hook;
import io.github.idpadapter.keycloak.signals.BindingSignals;
import io.github.idpadapter.keycloak.signals.DeviceCookie;
import io.github.idpadapter.keycloak.signals.EvaluationRequest;
import io.github.idpadapter.keycloak.signals.NetworkSignals;
import io.github.idpadapter.keycloak.signals.PostureAssertion;
import io.github.idpadapter.keycloak.signals.ResourceSignals;
import io.github.idpadapter.keycloak.signals.SessionSignals;
import io.github.idpadapter.keycloak.signals.SubjectSignals;
import io.github.idpadapter.keycloak.signals.Telemetry;
import org.keycloak.authentication.AuthenticationFlowContext;
import org.keycloak.common.util.Time;
import org.keycloak.models.KeycloakSession;
import org.keycloak.models.UserSessionModel;
import org.keycloak.sessions.AuthenticationSessionModel;

/** The question of a login. */
final class LoginRequest {

    private LoginRequest() {
    }

    static ObjectNode of(AuthenticationFlowContext context, Hook hook, LoginLevels levels, UserSessionModel existing) {
        KeycloakSession session = context.getSession();
        AuthenticationSessionModel login = context.getAuthenticationSession();
        boolean ofEndUser = hook == Hook.LOGIN || login.getClient().isPublicClient();
        return new EvaluationRequest(hook, Time.currentTimeMillis()).subject(SubjectSignals.of(context.getUser()))
                .resource(ResourceSignals.ofLogin(login)).session(SessionSignals.ofLogin(login, levels.current(), existing))
                .network(NetworkSignals.of(session, ofEndUser)).binding(proved(session, login, hook))
                .telemetry(Telemetry.of(context.getHttpRequest())).device(DeviceCookie.id(session), PostureAssertion.of(session))
                .flow(context.getFlowPath()).reused(0).json();
    }

    /** Only a password grant is a request of the client; at a login the browser talks, and its certificate is not the client's. */
    private static BindingSignals proved(KeycloakSession session, AuthenticationSessionModel login, Hook hook) {
        return hook == Hook.PASSWORD_GRANT ? BindingSignals.of(session, login.getClient()) : BindingSignals.NONE;
    }
}
