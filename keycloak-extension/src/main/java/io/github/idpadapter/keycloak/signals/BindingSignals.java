package io.github.idpadapter.keycloak.signals;

import com.fasterxml.jackson.databind.node.ObjectNode;
import org.keycloak.authentication.authenticators.client.X509ClientAuthenticator;
import org.keycloak.models.ClientModel;
import org.keycloak.models.KeycloakSession;
import org.keycloak.protocol.oidc.OIDCAdvancedConfigWrapper;
import org.keycloak.representations.AccessToken.Confirmation;
import org.keycloak.representations.dpop.DPoP;
import org.keycloak.services.util.DPoPUtil;
import org.keycloak.services.util.MtlsHoKTokenUtil;

/**
 * The key that a token request proves its client to hold: by DPoP, or by the certificate of its TLS connection. Null where none.
 * What a token is bound to is no proof: whoever copied the token has that too.
 */
public record BindingSignals(String jkt, String x5t) {

    public static final BindingSignals NONE = new BindingSignals(null, null);

    public static BindingSignals of(KeycloakSession session, ClientModel client) {
        DPoP proof = session.getAttribute(DPoPUtil.DPOP_SESSION_ATTRIBUTE, DPoP.class);
        return new BindingSignals(proof == null ? null : proof.getThumbprint(), isCertificateOf(client) ? certificate(session) : null);
    }

    /** Whether Keycloak takes a connection's certificate for the client's: a proxy may show one of its own for everybody. */
    private static boolean isCertificateOf(ClientModel client) {
        return OIDCAdvancedConfigWrapper.fromClientModel(client).isUseMtlsHokToken()
                || X509ClientAuthenticator.PROVIDER_ID.equals(client.getClientAuthenticatorType());
    }

    private static String certificate(KeycloakSession session) {
        Confirmation shown = MtlsHoKTokenUtil.bindTokenWithClientCertificate(session.getContext().getHttpRequest(), session);
        return shown == null ? null : shown.getCertThumbprint();
    }

    /** Whether this is what a token is bound to, if it is bound. */
    public boolean satisfies(Confirmation bound) {
        return bound == null || isSame(bound.getKeyThumbprint(), jkt) && isSame(bound.getCertThumbprint(), x5t);
    }

    private static boolean isSame(String bound, String proved) {
        return bound == null || bound.equals(proved);
    }

    ObjectNode json() {
        return EvaluationRequest.object().put("jkt", jkt).put("x5t_s256", x5t);
    }
}
