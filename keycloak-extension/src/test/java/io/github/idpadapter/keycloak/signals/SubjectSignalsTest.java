package io.github.idpadapter.keycloak.signals;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.keycloak.models.ClientModel;
import org.keycloak.models.GroupModel;
import org.keycloak.models.RoleModel;
import org.keycloak.models.SubjectCredentialManager;
import org.keycloak.models.UserModel;

/** Roles and groups of doubles of Keycloak's models; the flow tests ask a real Keycloak. */
class SubjectSignalsTest {

    @Test
    void rolesOfGroupsOfTheirParentsAndOfCompositesAreToldAsIfTheyWereMapped() {
        RoleModel deep = role("deep", null);
        RoleModel composite = role("composite", null, role("manage", client("shop")), role("nested", null, deep));
        GroupModel staff = group("staff", null, role("of-parent", null));
        GroupModel admins = group("admins", staff, role("of-group", null, role("by-group-and-composite", null)));
        assertEquals(
                Set.of("plain", "composite", "shop:manage", "nested", "deep", "of-parent", "of-group", "by-group-and-composite"),
                SubjectSignals.roles(user(List.of(admins), role("plain", null), composite)));
    }

    @Test
    void rolesThatHoldEachOtherAreToldOnce() {
        List<RoleModel> ring = new ArrayList<>();
        RoleModel one = role("one", null, ring);
        ring.add(role("other", null, one));
        assertEquals(Set.of("one", "other"), SubjectSignals.roles(user(List.of(), one)));
    }

    @Test
    void aGroupIsToldWithItsParents() {
        GroupModel staff = group("staff", null);
        GroupModel branch = group("branch", staff);
        assertEquals(Set.of("/staff", "/staff/branch", "/staff/branch/paris", "/staff/it"),
                SubjectSignals.groups(user(List.of(group("paris", branch), group("it", staff), staff)), SubjectSignalsTest::path));
    }

    @Test
    void whatIsLeftOutIsSaidOfAPersonAndOfAServiceAccountAlike() {
        RoleModel[] roles = IntStream.rangeClosed(0, Told.MOST).mapToObj(i -> role("role-" + i, null)).toArray(RoleModel[]::new);
        for (String client : new String[] {null, "job"}) {
            JsonNode told = SubjectSignals.of(user(client, List.of(), roles)).path("properties");
            assertEquals(Told.MOST, told.path("roles").size());
            assertTrue(told.path("roles_cut").asBoolean());
            assertTrue(told.path("groups").isEmpty());
            assertFalse(told.has("groups_cut"));
        }
    }

    @Test
    void aServiceAccountHasTheRolesOfItsCompositesToo() {
        UserModel job = user("job", List.of(), role("batch", null, role("pay", client("bank"))));
        JsonNode told = SubjectSignals.of(job);
        assertEquals("service_account", told.path("type").asText());
        assertEquals("[\"bank:pay\",\"batch\"]", told.at("/properties/roles").toString());
    }

    /** Keycloak's own needs the server around it. */
    private static String path(GroupModel group) {
        return (group.getParent() == null ? "" : path(group.getParent())) + '/' + group.getName();
    }

    private static UserModel user(List<GroupModel> groups, RoleModel... roles) {
        return user(null, groups, roles);
    }

    private static UserModel user(String ofClient, List<GroupModel> groups, RoleModel... roles) {
        Answers credentials = new Answers(Map.of("getStoredCredentialsStream", List.of()));
        return new Answers(Map.of("getId", "u", "getGroupsStream", groups, "getRoleMappingsStream", List.of(roles),
                "credentialManager", credentials.as(SubjectCredentialManager.class)))
                .and("getServiceAccountClientLink", ofClient).as(UserModel.class);
    }

    private static GroupModel group(String name, GroupModel parent, RoleModel... roles) {
        return new Answers(Map.of("getName", name, "getRoleMappingsStream", List.of(roles)))
                .and("getParent", parent).and("getParentId", parent == null ? null : parent.getName()).as(GroupModel.class);
    }

    private static ClientModel client(String clientId) {
        return new Answers(Map.of("getClientId", clientId)).as(ClientModel.class);
    }

    private static RoleModel role(String name, ClientModel client, RoleModel... composites) {
        return role(name, client, List.of(composites));
    }

    private static RoleModel role(String name, ClientModel client, List<RoleModel> composites) {
        return new Answers(Map.of("getId", name, "getName", name, "isClientRole", client != null, "isComposite", true,
                "getCompositesStream", composites)).and("getContainer", client).as(RoleModel.class);
    }

    /** What a double answers by method; a list where a stream is asked for is one each time, and anything else is null. */
    private record Answers(Map<String, Object> given) {

        Answers and(String method, Object answer) {
            Map<String, Object> more = new HashMap<>(given);
            more.put(method, answer);
            return new Answers(more);
        }

        <T> T as(Class<T> model) {
            return model.cast(Proxy.newProxyInstance(model.getClassLoader(), new Class<?>[] {model}, (self, method, parameters) ->
                    switch (method.getName()) {
                        case "hashCode" -> System.identityHashCode(self);
                        case "equals" -> self == parameters[0];
                        default -> given.get(method.getName()) instanceof List<?> list && method.getReturnType() == Stream.class
                                ? list.stream() : given.get(method.getName());
                    }));
        }
    }
}
