package io.github.idpadapter.keycloak.tokens;

import java.util.ArrayList;
import java.util.List;
import org.keycloak.models.KeycloakSession;
import org.keycloak.representations.idm.ClientPolicyRepresentation;
import org.keycloak.representations.idm.ClientProfileRepresentation;
import org.keycloak.securityprofile.SecurityProfileProvider;
import org.keycloak.services.clientpolicy.ClientPoliciesUtil;
import org.keycloak.services.clientpolicy.ClientPolicyException;
import org.keycloak.services.securityprofile.DefaultSecurityProfileProviderFactory;

/**
 * Switches token evaluation on for every realm by one start option, {@code --spi-security-profile--provider=risk}. It adds to the
 * stock profile (or the one named by its own option {@code name}); replacing that would take Keycloak's own profiles away.
 */
public final class RiskSecurityProfileFactory extends DefaultSecurityProfileProviderFactory {

    private record Merged(List<ClientProfileRepresentation> profiles, List<ClientPolicyRepresentation> policies) {
    }

    private volatile Merged merged;

    @Override
    public String getId() {
        return "risk";
    }

    @Override
    public SecurityProfileProvider create(KeycloakSession session) {
        SecurityProfileProvider stock = super.create(session);
        Merged present = merged;
        Merged all = present == null ? merge(session, stock) : present;
        merged = all;
        return new SecurityProfileProvider() {
            @Override
            public String getName() {
                return stock.getName();
            }

            @Override
            public List<ClientProfileRepresentation> getDefaultClientProfiles() {
                return all.profiles();
            }

            @Override
            public List<ClientPolicyRepresentation> getDefaultClientPolicies() {
                return all.policies();
            }

            @Override
            public void close() {
                stock.close();
            }
        };
    }

    private static Merged merge(KeycloakSession session, SecurityProfileProvider stock) {
        try {
            List<ClientProfileRepresentation> profiles = new ArrayList<>(stock.getDefaultClientProfiles());
            profiles.addAll(ClientPoliciesUtil.readGlobalClientProfilesRepresentation(session, "risk-client-profiles"));
            List<ClientPolicyRepresentation> policies = new ArrayList<>(stock.getDefaultClientPolicies());
            policies.addAll(ClientPoliciesUtil.readGlobalClientPoliciesRepresentation(session, "risk-client-policies", profiles));
            return new Merged(List.copyOf(profiles), List.copyOf(policies));
        } catch (ClientPolicyException unusable) {
            throw new IllegalStateException("The risk security profile can't be read: " + unusable.getErrorDetail(), unusable);
        }
    }
}
