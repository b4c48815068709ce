package io.github.idpadapter.keycloak.login;

import io.github.idpadapter.keycloak.signals.CollectorScript;
import org.keycloak.authentication.AuthenticationFlowContext;
import org.keycloak.authentication.authenticators.browser.UsernamePasswordForm;
import org.keycloak.models.KeycloakSession;

/** Keycloak's form for user name and password, with the script that tells how it was filled in. */
final class RiskUsernamePasswordForm extends UsernamePasswordForm {

    RiskUsernamePasswordForm(KeycloakSession session) {
        super(session);
    }

    @Override
    public void authenticate(AuthenticationFlowContext context) {
        CollectorScript.addTo(context);
        super.authenticate(context);
    }

    @Override
    public void action(AuthenticationFlowContext context) {
        CollectorScript.addTo(context);
        super.action(context);
    }
}
