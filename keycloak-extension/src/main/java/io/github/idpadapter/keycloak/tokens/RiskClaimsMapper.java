package io.github.idpadapter.keycloak.tokens;

import io.github.idpadapter.keycloak.decision.Decision;
import io.github.idpadapter.keycloak.decision.RiskNotes;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.keycloak.models.ClientSessionContext;
import org.keycloak.models.KeycloakSession;
import org.keycloak.models.ProtocolMapperModel;
import org.keycloak.models.UserSessionModel;
import org.keycloak.protocol.oidc.mappers.AbstractOIDCProtocolMapper;
import org.keycloak.protocol.oidc.mappers.OIDCAccessTokenMapper;
import org.keycloak.protocol.oidc.mappers.OIDCAttributeMapperHelper;
import org.keycloak.protocol.oidc.mappers.OIDCIDTokenMapper;
import org.keycloak.protocol.oidc.mappers.TokenIntrospectionTokenMapper;
import org.keycloak.protocol.oidc.mappers.UserInfoTokenMapper;
import org.keycloak.provider.ProviderConfigProperty;
import org.keycloak.representations.IDToken;

/**
 * Shows a decision as the claim {@code risk}: the request's own, else the session's last that changed the level. It asks nobody:
 * mappers run for introspection and userinfo too. Where no decision was to be had, there is no claim, rather than an old one.
 */
public final class RiskClaimsMapper extends AbstractOIDCProtocolMapper
        implements OIDCAccessTokenMapper, OIDCIDTokenMapper, UserInfoTokenMapper, TokenIntrospectionTokenMapper {

    private static final String WITH_ID = "decision.id";
    private static final List<ProviderConfigProperty> PROPERTIES = properties();

    private static List<ProviderConfigProperty> properties() {
        List<ProviderConfigProperty> all = new ArrayList<>();
        OIDCAttributeMapperHelper.addIncludeInTokensConfig(all, RiskClaimsMapper.class);
        all.add(new ProviderConfigProperty(WITH_ID, "Decision id", "Whether the claim names the decision as well.",
                ProviderConfigProperty.BOOLEAN_TYPE, "true"));
        return List.copyOf(all);
    }

    @Override
    public String getId() {
        return "risk-claims";
    }

    @Override
    public String getDisplayType() {
        return "Risk claims";
    }

    @Override
    public String getDisplayCategory() {
        return TOKEN_MAPPER_CATEGORY;
    }

    @Override
    public String getHelpText() {
        return "The level of the session's last risk decision, as the claim risk.";
    }

    @Override
    public List<ProviderConfigProperty> getConfigProperties() {
        return PROPERTIES;
    }

    @Override
    protected void setClaim(IDToken token, ProtocolMapperModel mapper, UserSessionModel userSession, KeycloakSession session,
                            ClientSessionContext clientSession) {
        Decision own = session.getAttribute(RiskNotes.REQUEST_DECISION, Decision.class);
        String level = own != null ? own.level() : note(userSession, RiskNotes.LEVEL);
        if (level == null || level.isEmpty()) {
            return;
        }
        Map<String, String> claim = new LinkedHashMap<>();
        claim.put("level", level);
        String id = own != null ? own.id() : note(userSession, RiskNotes.DECISION_ID);
        if (id != null && !id.isEmpty() && !"false".equals(mapper.getConfig().get(WITH_ID))) {
            claim.put("decision_id", id);
        }
        token.getOtherClaims().put("risk", claim);
    }

    private static String note(UserSessionModel userSession, String name) {
        return userSession == null ? null : userSession.getNote(name);
    }
}
