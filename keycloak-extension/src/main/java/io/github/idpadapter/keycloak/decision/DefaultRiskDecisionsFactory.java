package io.github.idpadapter.keycloak.decision;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.util.List;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.keycloak.Config;
import org.keycloak.models.KeycloakSession;
import org.keycloak.models.KeycloakSessionFactory;
import org.keycloak.provider.ProviderConfigProperty;
import org.keycloak.provider.ProviderConfigurationBuilder;
import org.keycloak.truststore.TruststoreProvider;

/** The stock provider: reads the options, makes the client once, and warms it up so that the first login isn't its test. */
public final class DefaultRiskDecisionsFactory implements RiskDecisionsFactory {

    /** For keys and outcomes, which the bulkhead does not count. */
    private static final int SPARE_CONNECTIONS = 2;

    private RiskConfig config;
    private DecisionClient client;
    private final ReuseCache reuse = new ReuseCache(10_000);

    @Override
    public String getId() {
        return "default";
    }

    @Override
    public void init(Config.Scope options) {
        config = RiskOptions.read(options::get);
    }

    @Override
    public void postInit(KeycloakSessionFactory factory) {
        client = new DecisionClient(config, new ServiceHttp(config.serviceUrl(), config.maxResponseBytes(),
                config.bulkhead() + SPARE_CONNECTIONS, trusted(factory)));
        if (config.enabled()) {
            client.warmUp();
        }
    }

    /** Keycloak's truststore, which an HTTP client doesn't know by itself; null is the JDK's own. */
    private static SSLContext trusted(KeycloakSessionFactory factory) {
        try (KeycloakSession session = factory.create()) {
            TruststoreProvider provider = session.getProvider(TruststoreProvider.class);
            KeyStore store = provider == null ? null : provider.getTruststore();
            if (store == null) {
                return null;
            }
            TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
            trust.init(store);
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(null, trust.getTrustManagers(), null);
            return context;
        } catch (GeneralSecurityException unusable) {
            throw new IllegalStateException("Keycloak's truststore can't be used for calls to the risk service", unusable);
        }
    }

    @Override
    public RiskDecisions create(KeycloakSession session) {
        return new RiskDecisions() {
            @Override
            public Decision decide(Hook hook, ObjectNode request) {
                return client.decide(hook, RealmIssuer.of(session), issuer -> client.tokens().of(session,
                        session.getContext().getRealm(), issuer), request);
            }

            @Override
            public RiskConfig config() {
                return config;
            }

            @Override
            public ReuseCache reuse() {
                return reuse;
            }
        };
    }

    @Override
    public DecisionClient client() {
        return client;
    }

    @Override
    public List<ProviderConfigProperty> getConfigMetadata() {
        ProviderConfigurationBuilder properties = ProviderConfigurationBuilder.create();
        for (RiskOptions.Option option : RiskOptions.ALL) {
            properties.property().name(option.name()).type("string").defaultValue(option.fallback()).helpText(option.help()).add();
        }
        return properties.build();
    }

    @Override
    public void close() {
        if (client != null) {
            client.close();
        }
    }
}
