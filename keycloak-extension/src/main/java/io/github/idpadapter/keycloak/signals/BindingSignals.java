package io.github.idpadapter.keycloak.signals;

import com.fasterxml.jackson.databind.node.ObjectNode;
import org.keycloak.models.KeycloakSession;
import org.keycloak.representations.AccessToken;
import org.keycloak.representations.dpop.DPoP;
import org.keycloak.services.util.DPoPUtil;

/** The key that the client proved to hold: by DPoP in this request, or the one that its token is bound to. */
public final class BindingSignals {

    private BindingSignals() {
    }

    public static ObjectNode of(KeycloakSession session, AccessToken token) {
        DPoP proof = session.getAttribute(DPoPUtil.DPOP_SESSION_ATTRIBUTE, DPoP.class);
        AccessToken.Confirmation bound = token == null ? null : token.getConfirmation();
        String jkt = proof != null ? proof.getThumbprint() : bound == null ? null : bound.getKeyThumbprint();
        return EvaluationRequest.object().put("jkt", jkt).put("x5t_s256", bound == null ? null : bound.getCertThumbprint());
    }
}
