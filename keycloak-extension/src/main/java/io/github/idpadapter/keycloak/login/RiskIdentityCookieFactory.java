package io.github.idpadapter.keycloak.login;

import org.keycloak.authentication.Authenticator;
import org.keycloak.authentication.authenticators.browser.CookieAuthenticatorFactory;
import org.keycloak.models.KeycloakSession;

/** Makes the authenticator {@code risk-identity-cookie}; it is its stock counterpart in every other respect. */
public final class RiskIdentityCookieFactory extends CookieAuthenticatorFactory {

    @Override
    public String getId() {
        return "risk-identity-cookie";
    }

    @Override
    public Authenticator create(KeycloakSession session) {
        return new RiskIdentityCookie();
    }

    @Override
    public String getDisplayType() {
        return "Risk: identity cookie";
    }

    @Override
    public String getHelpText() {
        return "Knows the user by the SSO cookie and leaves it to the risk step whether that is enough.";
    }
}
