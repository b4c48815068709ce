package io.github.idpadapter.keycloak.signals;

import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.idpadapter.keycloak.decision.RiskMetrics;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.function.Function;
import org.keycloak.models.ClientModel;
import org.keycloak.models.GroupModel;
import org.keycloak.models.RoleModel;
import org.keycloak.models.UserModel;
import org.keycloak.models.credential.OTPCredentialModel;
import org.keycloak.models.credential.PasswordCredentialModel;
import org.keycloak.models.credential.WebAuthnCredentialModel;
import org.keycloak.models.utils.KeycloakModelUtils;
import org.keycloak.models.utils.RoleUtils;

/** Who it is about: an id that is stable in the realm, and what a policy may look at. No name, no address. */
public final class SubjectSignals {

    private static final Set<String> FACTORS =
            Set.of(OTPCredentialModel.TYPE, WebAuthnCredentialModel.TYPE_TWOFACTOR, WebAuthnCredentialModel.TYPE_PASSWORDLESS);

    private SubjectSignals() {
    }

    /** A person, or a service account where the user is one. */
    public static ObjectNode of(UserModel user) {
        boolean isMachine = user.getServiceAccountClientLink() != null;
        ObjectNode subject = EvaluationRequest.object().put("type", isMachine ? "service_account" : "user").put("id", user.getId());
        ObjectNode properties = subject.putObject("properties");
        tell(properties, "roles", roles(user));
        tell(properties, "groups", groups(user, SubjectSignals::path));
        if (!isMachine) {
            credentials(user, properties);
        }
        Long created = user.getCreatedTimestamp();
        properties.put("created_at", created == null ? null : EvaluationRequest.rfc3339(created));
        return subject;
    }

    /** The second factors, and when the password was set: a changed one is typed otherwise. One look at the stored credentials. */
    private static void credentials(UserModel user, ObjectNode properties) {
        Set<String> factors = new TreeSet<>();
        user.credentialManager().getStoredCredentialsStream().forEach(credential -> {
            if (FACTORS.contains(credential.getType())) {
                factors.add(credential.getType());
            } else if (PasswordCredentialModel.TYPE.equals(credential.getType()) && credential.getCreatedDate() != null) {
                properties.put("credential_version", Long.toString(credential.getCreatedDate(), Character.MAX_RADIX));
            }
        });
        properties.set("factors", EvaluationRequest.array(factors));
    }

    /** All that the user has, as Keycloak expands them for a token of full scope: by groups and their parents and by composites too. */
    static SortedSet<String> roles(UserModel user) {
        SortedSet<String> names = new TreeSet<>();
        RoleUtils.getDeepUserRoleMappings(user).forEach(role -> names.add(name(role)));
        return names;
    }

    /** The paths of the user's groups and of all their parents, from which they inherit. */
    static SortedSet<String> groups(UserModel user, Function<GroupModel, String> path) {
        SortedSet<String> paths = new TreeSet<>();
        user.getGroupsStream().forEach(member -> {
            GroupModel group = member;
            while (group != null && paths.add(path.apply(group))) {
                group = group.getParent();
            }
        });
        return paths;
    }

    private static String name(RoleModel role) {
        return role.isClientRole() ? ((ClientModel) role.getContainer()).getClientId() + ':' + role.getName() : role.getName();
    }

    private static String path(GroupModel group) {
        return KeycloakModelUtils.buildGroupPath(group);
    }

    /** What can't be told is never left out in silence: the policy then takes the strict side. */
    private static void tell(ObjectNode properties, String kind, SortedSet<String> all) {
        Told told = Told.of(all);
        properties.set(kind, EvaluationRequest.array(told.names()));
        if (told.cut()) {
            properties.put(kind + "_cut", true);
            RiskMetrics.cut(kind);
        }
    }
}
