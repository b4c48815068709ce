package io.github.idpadapter.keycloak.login;

import io.github.idpadapter.keycloak.decision.RiskNotes;
import io.github.idpadapter.keycloak.decision.StoredDecision;
import io.github.idpadapter.keycloak.signals.CollectorScript;
import org.keycloak.authentication.AuthenticationFlowContext;
import org.keycloak.authentication.authenticators.browser.OTPFormAuthenticator;

/** Keycloak's OTP form, whose LOGIN and LOGIN_ERROR events name the decision: they belong to a later request than it. */
final class RiskOtpForm extends OTPFormAuthenticator {

    @Override
    public void authenticate(AuthenticationFlowContext context) {
        CollectorScript.addTo(context);
        super.authenticate(context);
    }

    @Override
    public void action(AuthenticationFlowContext context) {
        CollectorScript.addTo(context);
        String note = context.getAuthenticationSession().getClientNote(RiskNotes.LOGIN_DECISION);
        StoredDecision.read(note).ifPresent(decision -> LoginEvents.tell(context.getEvent(), decision));
        super.action(context);
    }
}
