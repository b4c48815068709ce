package io.github.idpadapter.keycloak.signals;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.keycloak.models.ClientModel;
import org.keycloak.models.GroupModel;
import org.keycloak.models.RoleModel;
import org.keycloak.models.UserModel;
import org.keycloak.models.credential.OTPCredentialModel;
import org.keycloak.models.credential.WebAuthnCredentialModel;
import org.keycloak.models.utils.KeycloakModelUtils;

/** Who it is about: an id that is stable in the realm, and what a policy may look at. No name, no address. */
public final class SubjectSignals {

    private static final int MOST = 50;

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
            properties.set("factors", EvaluationRequest.array(factors(user)));
        }
        Long created = user.getCreatedTimestamp();
        properties.put("created_at", created == null ? null : EvaluationRequest.rfc3339(created));
        return subject;
    }

    private static List<String> factors(UserModel user) {
        List<String> found = new ArrayList<>();
        for (String type : List.of(OTPCredentialModel.TYPE, WebAuthnCredentialModel.TYPE_TWOFACTOR,
                WebAuthnCredentialModel.TYPE_PASSWORDLESS)) {
            if (user.credentialManager().isConfiguredFor(type)) {
                found.add(type);
            }
        }
        return found;
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
