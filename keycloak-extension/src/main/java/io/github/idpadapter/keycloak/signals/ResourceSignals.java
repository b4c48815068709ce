package io.github.idpadapter.keycloak.signals;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import org.keycloak.models.ClientModel;
import org.keycloak.protocol.oidc.OIDCConfigAttributes;
import org.keycloak.protocol.oidc.OIDCLoginProtocol;
import org.keycloak.protocol.oidc.utils.AcrUtils;
import org.keycloak.sessions.AuthenticationSessionModel;

/** What it is for: the client, what it asked for, and how it proved itself. */
public final class ResourceSignals {

    private ResourceSignals() {
    }

    /** At a login. */
    public static ObjectNode ofLogin(AuthenticationSessionModel login) {
        ClientModel client = login.getClient();
        List<String> acr = OIDCLoginProtocol.LOGIN_PROTOCOL.equals(login.getProtocol())
                ? AcrUtils.getAcrValues(login.getClientNote(OIDCLoginProtocol.CLAIMS_PARAM),
                        login.getClientNote(OIDCLoginProtocol.ACR_PARAM), client)
                : List.of();
        return resource(client, acr, login.getClientNote(OIDCLoginProtocol.SCOPE_PARAM), null);
    }

    /** At the token endpoint. */
    public static ObjectNode ofToken(ClientModel client, String scope) {
        return resource(client, List.of(), scope, client.isPublicClient() ? "none" : client.getClientAuthenticatorType());
    }

    private static ObjectNode resource(ClientModel client, List<String> acr, String scope, String authMethod) {
        ObjectNode resource = EvaluationRequest.object()
                .put("type", "saml".equals(client.getProtocol()) ? "saml_client" : "oidc_client").put("id", client.getClientId());
        ObjectNode properties = resource.putObject("properties").put("public", client.isPublicClient());
        properties.set("requested_acr", EvaluationRequest.array(acr));
        properties.put("scope", scope).put("access_token_lifespan_s", lifespan(client)).put("client_auth_method", authMethod);
        return resource;
    }

    private static int lifespan(ClientModel client) {
        String own = client.getAttribute(OIDCConfigAttributes.ACCESS_TOKEN_LIFESPAN);
        try {
            return own == null || own.isBlank() ? client.getRealm().getAccessTokenLifespan() : Integer.parseInt(own.strip());
        } catch (NumberFormatException notOne) {
            return client.getRealm().getAccessTokenLifespan();
        }
    }
}
