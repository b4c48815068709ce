package io.github.idpadapter.keycloak.login;

import org.keycloak.authentication.Authenticator;
import org.keycloak.authentication.authenticators.browser.UsernamePasswordFormFactory;
import org.keycloak.models.KeycloakSession;

/** Makes the authenticator {@code risk-username-password-form}; it is its stock counterpart in every other respect. */
public final class RiskUsernamePasswordFormFactory extends UsernamePasswordFormFactory {

    @Override
    public String getId() {
        return "risk-username-password-form";
    }

    @Override
    public Authenticator create(KeycloakSession session) {
        return new RiskUsernamePasswordForm(session);
    }

    @Override
    public String getDisplayType() {
        return "Risk: username password form";
    }

    @Override
    public String getHelpText() {
        return "Username and password, and how they were typed.";
    }
}
