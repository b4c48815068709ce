package io.github.idpadapter.keycloak.login;

import io.github.idpadapter.keycloak.signals.CollectorScript;
import org.keycloak.authentication.AuthenticationFlowContext;
import org.keycloak.authentication.authenticators.browser.PasswordForm;
import org.keycloak.models.KeycloakSession;

/** Keycloak's form for the password alone, with the script that tells how it was filled in. */
final class RiskPasswordForm extends PasswordForm {

    RiskPasswordForm(KeycloakSession session) {
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
