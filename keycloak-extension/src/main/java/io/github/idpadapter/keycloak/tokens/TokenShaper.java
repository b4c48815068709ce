package io.github.idpadapter.keycloak.tokens;

import io.github.idpadapter.keycloak.decision.AcrLadder;
import io.github.idpadapter.keycloak.decision.Obligations;
import java.util.OptionalInt;
import org.keycloak.common.util.Time;
import org.keycloak.models.AuthenticatedClientSessionModel;
import org.keycloak.models.Constants;
import org.keycloak.protocol.oidc.TokenManager.AccessTokenResponseBuilder;
import org.keycloak.representations.AccessToken;
import org.keycloak.representations.IDToken;
import org.keycloak.representations.JsonWebToken;

/** Shortens tokens and lowers their acr, before they are signed. Only ever less: an earlier end and a lower level. */
final class TokenShaper {

    private TokenShaper() {
    }

    static void shape(AccessTokenResponseBuilder tokens, Obligations obligations) {
        AuthenticatedClientSessionModel clientSession = tokens.getClientSessionCtx().getClientSession();
        shorten(tokens.getAccessToken(), obligations.accessTokenLifespanS());
        shorten(tokens.getIdToken(), obligations.accessTokenLifespanS());
        shorten(tokens.getRefreshToken(), obligations.refreshTokenLifespanS());
        lower(clientSession, tokens.getAccessToken(), tokens.getIdToken(), obligations.maxAcr());
    }

    /** Counted from when the token was issued, however long ago that is by now: not a second more than the decision says. */
    static void shorten(JsonWebToken token, Integer lifespanS) {
        if (token == null || lifespanS == null) {
            return;
        }
        long end = (token.getIat() == null ? Time.currentTime() : token.getIat()) + lifespanS;
        if (token.getExp() == null || token.getExp() == 0 || token.getExp() > end) { // none at all: an offline token
            token.exp(end);
        }
    }

    /** The note is what introspection, later refreshes and sibling tokens read, so it and the tokens change together. */
    static void lower(AuthenticatedClientSessionModel clientSession, AccessToken access, IDToken id, String maxAcr) {
        AcrLadder ladder = AcrLadder.of(clientSession.getClient());
        OptionalInt cap = ladder.level(maxAcr);
        String reached = clientSession.getNote(Constants.LEVEL_OF_AUTHENTICATION);
        if (cap.isEmpty() || reached == null || Integer.parseInt(reached) <= cap.getAsInt()) {
            return;
        }
        clientSession.setNote(Constants.LEVEL_OF_AUTHENTICATION, String.valueOf(cap.getAsInt()));
        String acr = ladder.acr(cap.getAsInt());
        String told = acr == null ? String.valueOf(cap.getAsInt()) : acr;
        if (access != null) {
            access.setAcr(told);
        }
        if (id != null) {
            id.setAcr(told);
        }
    }
}
