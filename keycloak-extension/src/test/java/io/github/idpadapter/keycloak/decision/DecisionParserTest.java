package io.github.idpadapter.keycloak.decision;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.idpadapter.keycloak.decision.Obligations.SessionFate;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DecisionParserTest {

    private static Decision parse(String json) throws Exception {
        return DecisionParser.parse(new ObjectMapper().readTree(json.replace('\'', '"')));
    }

    private static Decision withObligations(String obligations) throws Exception {
        return parse("{'decision':true,'context':{'obligations':" + obligations + "}}");
    }

    @Test
    void aWholeAnswerIsRead() throws Exception {
        Decision decision = parse("{'decision':false,'context':{'decision_id':'d1','risk':{'level':'HIGH'},'acr_values':['mfa'],"
                + "'obligations':{'access_token_lifespan_s':60,'refresh_token_lifespan_s':600,'max_acr':'basic','max_age_s':900,"
                + "'session':'end','optional':{'reuse_s':5,'new':1}},'unenrolled':'limit','reason_user':['new_place']}}");
        assertEquals(new Decision("d1", "HIGH", false, List.of("mfa"), true,
                new Obligations(60, 600, "basic", 900, SessionFate.END), 5, List.of("new_place"), null), decision);
        assertTrue(decision.isStepUp());
        assertEquals("step_up_required acr=mfa", decision.refusalText());
    }

    @Test
    void aBareAnswerIsEnough() throws Exception {
        assertTrue(parse("{'decision':true}").permit());
        assertTrue(parse("{'decision':false}").isRefusal());
    }

    @ParameterizedTest
    @ValueSource(strings = {"{}", "{'decision':'true'}", "{'decision':1}", "[]", "null"})
    void withoutADecisionThereIsNone(String json) {
        assertEquals("garbage", assertThrows(Unavailable.class, () -> parse(json)).label());
    }

    @ParameterizedTest
    @ValueSource(strings = {"{'wash_hands':true}", "{'session':'pause'}", "{'access_token_lifespan_s':'60'}",
        "{'access_token_lifespan_s':0}", "{'refresh_token_lifespan_s':-1}", "{'max_acr':2}", "[]", "'none'"})
    void anObligationThatCannotBeCarriedOutIsARefusal(String obligations) throws Exception {
        assertTrue(withObligations(obligations).isRefusal());
    }

    @Test
    void anUnknownObligationTakesTheWayOutByStepUpToo() throws Exception {
        assertTrue(parse("{'decision':false,'context':{'acr_values':['mfa'],'obligations':{'x':1}}}").isRefusal());
    }

    @Test
    void absentAndNullObligationsAskNothing() throws Exception {
        assertEquals(Obligations.NONE, withObligations("null").obligations());
        assertEquals(Obligations.NONE, withObligations("{'max_acr':null}").obligations());
        assertTrue(withObligations("{'optional':{'anything':true}}").permit());
    }

    @Test
    void reuseIsBounded() throws Exception {
        assertEquals(300, withObligations("{'optional':{'reuse_s':999999}}").reuseS());
        assertEquals(0, withObligations("{'optional':{'reuse_s':-5}}").reuseS());
    }

    @Test
    void aStoredDecisionComesBackAsItsObligations() throws Exception {
        Decision decision = parse("{'decision':true,'context':{'decision_id':'d1','risk':{'level':'LOW'},"
                + "'obligations':{'access_token_lifespan_s':60,'max_acr':'basic'}}}");
        assertEquals(decision, StoredDecision.read(StoredDecision.write(decision)).orElseThrow());
        assertFalse(StoredDecision.read("").isPresent());
        assertFalse(StoredDecision.read("{").isPresent());
    }

    @Test
    void limitsOnlyShorten() {
        Obligations limited = new Obligations(30, 6000, "basic", null, SessionFate.KEEP).shortenedTo(60, 600);
        assertEquals(new Obligations(30, 600, "basic", null, SessionFate.KEEP), limited);
    }
}
