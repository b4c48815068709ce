package io.github.idpadapter.keycloak.login;

import io.github.idpadapter.keycloak.signals.CollectorScript;
import org.keycloak.authentication.AuthenticationFlowContext;
import org.keycloak.authentication.Authenticator;
import org.keycloak.authentication.authenticators.browser.UsernameForm;
import org.keycloak.models.KeycloakSession;
import org.keycloak.models.RealmModel;
import org.keycloak.models.UserModel;

/** Keycloak's form for the user name alone, with the script. That form can't be extended, so this one stands before it. */
final class RiskUsernameForm implements Authenticator {

    private final UsernameForm form;

    RiskUsernameForm(KeycloakSession session) {
        form = new UsernameForm(session);
    }

    @Override
    public void authenticate(AuthenticationFlowContext context) {
        CollectorScript.addTo(context);
        form.authenticate(context);
    }

    @Override
    public void action(AuthenticationFlowContext context) {
        CollectorScript.addTo(context);
        form.action(context);
    }

    @Override
    public boolean requiresUser() {
        return form.requiresUser();
    }

    @Override
    public boolean configuredFor(KeycloakSession session, RealmModel realm, UserModel user) {
        return form.configuredFor(session, realm, user);
    }

    @Override
    public void setRequiredActions(KeycloakSession session, RealmModel realm, UserModel user) {
        form.setRequiredActions(session, realm, user);
    }

    @Override
    public void close() {
        form.close();
    }
}
