package io.github.idpadapter.keycloak.login;

import org.keycloak.authentication.AuthenticationFlowContext;
import org.keycloak.authentication.AuthenticatorUtil;
import org.keycloak.authentication.authenticators.browser.CookieAuthenticator;
import org.keycloak.authentication.authenticators.util.AcrStore;
import org.keycloak.authentication.authenticators.util.AuthenticatorUtils;
import org.keycloak.models.Constants;
import org.keycloak.models.UserSessionModel;
import org.keycloak.protocol.LoginProtocol;
import org.keycloak.services.managers.AuthenticationManager;
import org.keycloak.services.messages.Messages;
import org.keycloak.sessions.AuthenticationSessionModel;

/**
 * Knows the user by the SSO cookie, with the level that the session reached, and goes on to the risk step. Keycloak's own cookie
 * step either ends the whole login there, past the risk step, or asks for the password where only a second factor is missing.
 */
final class RiskIdentityCookie extends CookieAuthenticator {

    @Override
    public void authenticate(AuthenticationFlowContext context) {
        AuthenticationManager.AuthResult known =
                AuthenticationManager.authenticateIdentityCookie(context.getSession(), context.getRealm(), true);
        if (known == null) {
            context.attempted();
            return;
        }
        AuthenticationSessionModel login = context.getAuthenticationSession();
        login.setAuthNote(Constants.LOA_MAP, known.session().getNote(Constants.LOA_MAP));
        context.setUser(known.user());
        if (mustReauthenticate(context, known.session())) {
            new AcrStore(context.getSession(), login).setLevelAuthenticatedToCurrentRequest(Constants.NO_LOA);
            login.setAuthNote(AuthenticationManager.FORCED_REAUTHENTICATION, "true");
            context.setForwardedInfoMessage(Messages.REAUTHENTICATE);
            context.attempted();
        } else if (AuthenticatorUtil.isForkedFlow(login)) {
            context.attempted();
        } else {
            resume(context, known.session());
        }
    }

    private static boolean mustReauthenticate(AuthenticationFlowContext context, UserSessionModel session) {
        AuthenticationSessionModel login = context.getAuthenticationSession();
        return context.getSession().getProvider(LoginProtocol.class, login.getProtocol()).requireReauthentication(session, login);
    }

    private static void resume(AuthenticationFlowContext context, UserSessionModel session) {
        AuthenticationSessionModel login = context.getAuthenticationSession();
        AcrStore levels = new AcrStore(context.getSession(), login);
        int reached = levels.getHighestAuthenticatedLevelFromPreviousAuthentication(context.getTopLevelFlow().getId());
        AuthenticatorUtils.updateCompletedExecutions(login, session, context.getExecution().getId());
        // below the lowest level (a session without levels) every level condition would hold, whatever is wanted
        levels.setLevelAuthenticatedToCurrentRequest(Math.max(reached, Constants.MINIMUM_LOA));
        int wanted = levels.getRequestedLevelOfAuthentication(context.getTopLevelFlow());
        if (wanted > reached && reached < LoginLevels.FIRST_FACTOR) {
            context.attempted(); // the password first, a second factor upon a stale one proves too little
            return;
        }
        if (wanted <= reached) {
            login.setAuthNote(AuthenticationManager.SSO_AUTH, "true"); // nothing is asked, so auth_time stays
        }
        login.setAuthNote(LoginLevels.BY_COOKIE, "true");
        context.attachUserSession(session);
        context.success();
    }
}
