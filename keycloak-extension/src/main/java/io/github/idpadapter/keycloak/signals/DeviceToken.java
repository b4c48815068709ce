package io.github.idpadapter.keycloak.signals;

import org.keycloak.TokenCategory;
import org.keycloak.representations.JsonWebToken;

/** The content of the device cookie: a random name for this browser, and when it was given. Nothing about a user. */
final class DeviceToken extends JsonWebToken {

    static final String TYPE = "risk-device";

    @Override
    public TokenCategory getCategory() {
        return TokenCategory.INTERNAL;
    }
}
