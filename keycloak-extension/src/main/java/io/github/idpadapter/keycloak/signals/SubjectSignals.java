package io.github.idpadapter.keycloak.signals;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.keycloak.models.ClientModel;
import org.keycloak.models.GroupModel;
import org.keycloak.models.RoleModel;
import org.keycloak.models.UserModel;
import org.keycloak.models.credential.OTPCredentialModel;
import org.keycloak.models.credential.PasswordCredentialModel;
import org.keycloak.models.credential.WebAuthnCredentialModel;
import org.keycloak.models.utils.KeycloakModelUtils;

/** Who it is about: an id that is stable in the realm, and what a policy may look at. No name, no address. */
public final class SubjectSignals {

    private static final int MOST = 50;
    private static final Set<String> FACTORS =
            Set.of(OTPCredentialModel.TYPE, WebAuthnCredentialModel.TYPE_TWOFACTOR, WebAuthnCredentialModel.TYPE_PASSWORDLESS);

    private SubjectSignals() {
    }

    /** A person, or a service account where the user is one. */
    public static ObjectNode of(UserModel user) {
        boolean isMachine = user.getServiceAccountClientLink() != null;
        ObjectNode subject = EvaluationRequest.object().put("type", isMachine ? "service_account" : "user").put("id", user.getId());
        ObjectNode properties = subject.putObject("properties");
        properties.set("roles", EvaluationRequest.array(bounded(user.getRoleMappingsStream().map(SubjectSignals::name))));
        properties.set("groups", EvaluationRequest.array(bounded(user.getGroupsStream().map(SubjectSignals::path))));
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

    private static String name(RoleModel role) {
        return role.isClientRole() ? ((ClientModel) role.getContainer()).getClientId() + ':' + role.getName() : role.getName();
    }

    private static String path(GroupModel group) {
        return KeycloakModelUtils.buildGroupPath(group);
    }

    private static List<String> bounded(Stream<String> names) {
        return names.sorted().limit(MOST).toList();
    }
}
