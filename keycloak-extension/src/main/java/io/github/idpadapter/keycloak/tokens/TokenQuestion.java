package io.github.idpadapter.keycloak.tokens;

import io.github.idpadapter.keycloak.decision.Decision;
import io.github.idpadapter.keycloak.decision.Hook;
import io.github.idpadapter.keycloak.decision.ReuseCache;
import io.github.idpadapter.keycloak.decision.RiskDecisions;
import io.github.idpadapter.keycloak.decision.RiskNotes;
import io.github.idpadapter.keycloak.signals.BindingSignals;
import io.github.idpadapter.keycloak.signals.EvaluationRequest;
import io.github.idpadapter.keycloak.signals.NetworkSignals;
import io.github.idpadapter.keycloak.signals.PostureAssertion;
import io.github.idpadapter.keycloak.signals.ResourceSignals;
import io.github.idpadapter.keycloak.signals.SessionSignals;
import io.github.idpadapter.keycloak.signals.SubjectSignals;
import io.github.idpadapter.keycloak.signals.Telemetry;
import java.util.Optional;
import org.keycloak.common.util.Time;
import org.keycloak.models.AuthenticatedClientSessionModel;
import org.keycloak.models.ClientModel;
import org.keycloak.models.KeycloakSession;
import org.keycloak.models.UserModel;
import org.keycloak.models.UserSessionModel;

/** The question of a token request: about a user's session, or about a workload that has none worth naming. */
final class TokenQuestion {

    private final KeycloakSession session;
    private final Hook hook;
    private final ClientModel client;
    private final EvaluationRequest request;
    private UserModel user;
    private String reuseKey;

    private TokenQuestion(KeycloakSession session, Hook hook, ClientModel client, boolean ofEndUser, BindingSignals proved) {
        this.session = session;
        this.hook = hook;
        this.client = client;
        this.request = new EvaluationRequest(hook, Time.currentTimeMillis()).network(NetworkSignals.of(session, ofEndUser))
                .binding(proved).telemetry(Telemetry.NONE).device(null, PostureAssertion.of(session));
    }

    /** Asked where a client gets its tokens by itself. */
    static TokenQuestion ofClient(KeycloakSession session, Hook hook, ClientModel client) {
        return ofClient(session, hook, client, BindingSignals.of(session, client));
    }

    /** The same, where what the request proves was looked at already. */
    static TokenQuestion ofClient(KeycloakSession session, Hook hook, ClientModel client, BindingSignals proved) {
        return new TokenQuestion(session, hook, client, client.isPublicClient() && hook != Hook.CLIENT_CREDENTIALS, proved);
    }

    /** Asked where the browser itself gets the tokens, whatever its client is: its address is the user's, its certificate no client's. */
    static TokenQuestion inFront(KeycloakSession session, Hook hook, ClientModel client) {
        return new TokenQuestion(session, hook, client, true, BindingSignals.NONE);
    }

    TokenQuestion scope(String scope) {
        request.resource(ResourceSignals.ofToken(client, scope));
        return this;
    }

    /** About a session; its decisions may be used again per client. */
    TokenQuestion about(UserSessionModel userSession, AuthenticatedClientSessionModel clientSession) {
        user = userSession.getUser();
        request.session(SessionSignals.ofTokens(userSession, clientSession, client));
        reuseKey = hook.action() + ' ' + userSession.getId() + ' ' + client.getId();
        return this;
    }

    /** About a service account, whose sessions live as long as a request. */
    TokenQuestion about(UserModel serviceAccount) {
        user = serviceAccount;
        reuseKey = hook.action() + ' ' + serviceAccount.getId() + ' ' + client.getId();
        return this;
    }

    Decision ask() {
        RiskDecisions decisions = session.getProvider(RiskDecisions.class);
        ReuseCache reuse = decisions.reuse();
        String key = ReuseCache.key(reuseKey, request.seen());
        Optional<Decision> known = reuse.find(key, Time.currentTimeMillis());
        if (known.isPresent()) {
            session.setAttribute(RiskNotes.REQUEST_REUSED, Boolean.TRUE);
            return known.get();
        }
        request.reused(reuse.used(key)).subject(SubjectSignals.of(user));
        Decision decision = decisions.decide(hook, request.json());
        reuse.keep(key, decision, Time.currentTimeMillis());
        return decision;
    }
}
