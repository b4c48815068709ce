package io.github.idpadapter.keycloak.decision;

import org.keycloak.models.KeycloakSession;
import org.keycloak.services.Urls;

/** The realm's issuer, as its users see it: it is the tenant at the service. */
public final class RealmIssuer {

    private RealmIssuer() {
    }

    public static String of(KeycloakSession session) {
        return Urls.realmIssuer(session.getContext().getUri().getBaseUri(), session.getContext().getRealm().getName());
    }
}
