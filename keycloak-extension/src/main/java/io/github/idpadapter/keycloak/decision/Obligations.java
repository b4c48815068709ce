package io.github.idpadapter.keycloak.decision;

/**
 * What goes with a decision. Null means "as Keycloak is configured"; nothing here can lengthen a token or raise an acr.
 * {@code maxAgeS} belongs to a step-up: how old a proof of the wanted acr may be.
 */
public record Obligations(Integer accessTokenLifespanS, Integer refreshTokenLifespanS, String maxAcr, Integer maxAgeS,
                          SessionFate session) {

    /** What becomes of the session, or of all sessions of the subject. */
    public enum SessionFate { KEEP, END, END_ALL }

    public static final Obligations NONE = new Obligations(null, null, null, null, SessionFate.KEEP);

    /** These, and lifetimes not longer than the given ones. */
    public Obligations shortenedTo(int accessS, int refreshS) {
        return new Obligations(least(accessTokenLifespanS, accessS), least(refreshTokenLifespanS, refreshS), maxAcr, maxAgeS, session);
    }

    /** These without the cap, for a login that proved more than it. */
    public Obligations withoutCap() {
        return new Obligations(accessTokenLifespanS, refreshTokenLifespanS, null, maxAgeS, session);
    }

    private static int least(Integer present, int limit) {
        return present == null ? limit : Math.min(present, limit);
    }
}
