package io.github.idpadapter.keycloak.login;

import org.keycloak.authentication.Authenticator;
import org.keycloak.authentication.authenticators.browser.OTPFormAuthenticatorFactory;
import org.keycloak.models.KeycloakSession;

/** Makes the authenticator {@code risk-otp-form}; it is its stock counterpart in every other respect. */
public final class RiskOtpFormFactory extends OTPFormAuthenticatorFactory {

    @Override
    public String getId() {
        return "risk-otp-form";
    }

    @Override
    public Authenticator create(KeycloakSession session) {
        return new RiskOtpForm();
    }

    @Override
    public String getDisplayType() {
        return "Risk: OTP form";
    }

    @Override
    public String getHelpText() {
        return "A one-time code, and how it was typed; its login event names the decision that asked for it.";
    }
}
