package io.github.idpadapter.keycloak.login;

import org.keycloak.authentication.Authenticator;
import org.keycloak.authentication.authenticators.browser.PasswordFormFactory;
import org.keycloak.models.KeycloakSession;

/** Makes the authenticator {@code risk-password-form}; it is its stock counterpart in every other respect. */
public final class RiskPasswordFormFactory extends PasswordFormFactory {

    @Override
    public String getId() {
        return "risk-password-form";
    }

    @Override
    public Authenticator create(KeycloakSession session) {
        return new RiskPasswordForm(session);
    }

    @Override
    public String getDisplayType() {
        return "Risk: password form";
    }

    @Override
    public String getHelpText() {
        return "The password, and how it was typed.";
    }
}
