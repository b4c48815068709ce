package io.github.idpadapter.keycloak.login;

import io.github.idpadapter.keycloak.decision.RiskNotes;
import io.github.idpadapter.keycloak.decision.StoredDecision;
import io.github.idpadapter.keycloak.signals.CollectorScript;
import io.github.idpadapter.keycloak.signals.Telemetry;
import org.keycloak.authentication.AuthenticationFlowContext;
import org.keycloak.authentication.authenticators.browser.OTPFormAuthenticator;
import org.keycloak.sessions.AuthenticationSessionModel;

/**
 * Keycloak's OTP form, whose LOGIN and LOGIN_ERROR events name the decision: they belong to a later request than it. How the code
 * was typed goes with the outcome, for the same reason.
 */
final class RiskOtpForm extends OTPFormAuthenticator {

    @Override
    public void authenticate(AuthenticationFlowContext context) {
        CollectorScript.addTo(context);
        super.authenticate(context);
    }

    @Override
    public void action(AuthenticationFlowContext context) {
        CollectorScript.addTo(context);
        AuthenticationSessionModel login = context.getAuthenticationSession();
        Telemetry.of(context.getHttpRequest()).keepFor(login);
        StoredDecision.read(login.getClientNote(RiskNotes.LOGIN_DECISION)).ifPresent(decision -> LoginEvents.tell(context.getEvent(), decision));
        super.action(context);
    }
}
