package io.github.idpadapter.keycloak.decision;

/** Where Keycloak asks. Each hook has the action name of the wire and the family that sets its budget and fail mode. */
public enum Hook {
    LOGIN("login", Family.LOGIN),
    PASSWORD_GRANT("password_grant", Family.LOGIN),
    TOKEN("token", Family.REFRESH),
    REFRESH("refresh", Family.REFRESH),
    CLIENT_CREDENTIALS("client_credentials", Family.MACHINE),
    TOKEN_EXCHANGE("token_exchange", Family.MACHINE);

    enum Family { LOGIN, REFRESH, MACHINE }

    private final String action;
    private final Family family;

    Hook(String action, Family family) {
        this.action = action;
        this.family = family;
    }

    public String action() {
        return action;
    }

    Family family() {
        return family;
    }
}
