package io.github.idpadapter.keycloak.login;

import org.keycloak.authentication.Authenticator;
import org.keycloak.authentication.authenticators.browser.UsernameFormFactory;
import org.keycloak.models.KeycloakSession;

/** Makes the authenticator {@code risk-username-form}; it is its stock counterpart in every other respect. */
public final class RiskUsernameFormFactory extends UsernameFormFactory {

    @Override
    public String getId() {
        return "risk-username-form";
    }

    @Override
    public Authenticator create(KeycloakSession session) {
        return new RiskUsernameForm(session);
    }

    @Override
    public String getDisplayType() {
        return "Risk: username form";
    }

    @Override
    public String getHelpText() {
        return "The username, and how it was typed.";
    }
}
