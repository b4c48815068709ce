package io.github.idpadapter.keycloak.signals;

import com.fasterxml.jackson.databind.node.ObjectNode;
import jakarta.ws.rs.core.HttpHeaders;
import org.keycloak.models.KeycloakContext;
import org.keycloak.models.KeycloakSession;

/** Where the request comes from. Where a backend talks, its address says nothing about the user: {@code of_end_user} is false. */
public final class NetworkSignals {

    private static final int MOST = 512;

    private NetworkSignals() {
    }

    public static ObjectNode of(KeycloakSession session, boolean ofEndUser) {
        KeycloakContext context = session.getContext();
        HttpHeaders headers = context.getRequestHeaders();
        return EvaluationRequest.object().put("ip", context.getConnection().getRemoteAddr()).put("of_end_user", ofEndUser)
                .put("user_agent", bounded(headers.getHeaderString(HttpHeaders.USER_AGENT)))
                .put("accept_language", bounded(headers.getHeaderString(HttpHeaders.ACCEPT_LANGUAGE)));
    }

    private static String bounded(String header) {
        return header == null || header.length() <= MOST ? header : header.substring(0, MOST);
    }
}
