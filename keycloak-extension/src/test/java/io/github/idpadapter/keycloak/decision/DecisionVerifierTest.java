package io.github.idpadapter.keycloak.decision;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.function.Consumer;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DecisionVerifierTest {

    private static final long NOW = 1_800_000_000;
    private final TestKeys keys = new TestKeys();
    private final DecisionVerifier.Expected expected = new DecisionVerifier.Expected("https://risk", "https://kc/realms/a", "t1", NOW);

    private String check(String token) throws Unavailable {
        return DecisionVerifier.verify(token, (kid, failed) -> kid.equals("k1") && failed == null ? keys.pair.getPublic() : null, expected).toString();
    }

    private Map<String, Object> claims() {
        return TestKeys.claims("https://risk", "https://kc/realms/a", "t1", NOW, Map.of("decision", true));
    }

    private String cause(String token) {
        return assertThrows(Unavailable.class, () -> check(token)).label();
    }

    private String causeWith(Consumer<Map<String, Object>> change) {
        Map<String, Object> claims = claims();
        change.accept(claims);
        return cause(keys.sign(TestKeys.header(), claims));
    }

    @Test
    void aDecisionThatHoldsIsReturned() throws Unavailable {
        assertEquals("{\"decision\":true}", check(keys.sign(TestKeys.header(), claims())));
    }

    @Test
    void aChangedPayloadIsRefused() {
        String[] parts = keys.sign(TestKeys.header(), claims()).split("\\.");
        String other = TestKeys.part("{\"evaluation\":{\"decision\":true}}".getBytes(StandardCharsets.UTF_8));
        assertEquals("wrong_signature", cause(parts[0] + '.' + other + '.' + parts[2]));
    }

    @Test
    void anotherKeyIsRefused() {
        assertEquals("wrong_signature", cause(new TestKeys().sign(TestKeys.header(), claims())));
    }

    @Test
    void aKeyThatWasReplacedUnderItsNameIsFetchedAgain() throws Unavailable {
        TestKeys lost = new TestKeys();
        String token = keys.sign(TestKeys.header(), claims());
        DecisionVerifier.verify(token, (kid, failed) -> failed == null ? lost.pair.getPublic() : keys.pair.getPublic(), expected);
    }

    @Test
    void anUnknownKeyIsRefused() {
        Map<String, Object> header = TestKeys.header();
        header.put("kid", "k2");
        assertEquals("wrong_signature", cause(keys.sign(header, claims())));
    }

    @ParameterizedTest
    @CsvSource({"none", "None", "NONE"})
    void anUnsignedOneIsRefusedHoweverItIsSpelled(String none) {
        Map<String, Object> header = TestKeys.header();
        header.put("alg", none);
        String signed = keys.sign(header, claims());
        assertEquals("unsigned", cause(signed));
        assertEquals("unsigned", cause(signed.substring(0, signed.lastIndexOf('.') + 1)));
    }

    @Test
    void thePublicKeyAsAnHmacSecretIsRefused() throws Exception {
        Map<String, Object> header = TestKeys.header();
        header.put("alg", "HS256");
        String input = TestKeys.part(TestKeys.JSON.writeValueAsBytes(header)) + '.'
                + TestKeys.part(TestKeys.JSON.writeValueAsBytes(claims()));
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(keys.pair.getPublic().getEncoded(), "HmacSHA256"));
        String forged = input + '.' + TestKeys.part(mac.doFinal(input.getBytes(StandardCharsets.US_ASCII)));
        assertEquals("wrong_signature", cause(forged));
    }

    @ParameterizedTest
    @CsvSource({"typ,JWT", "alg,ES384", "crit,exp"})
    void anotherHeaderIsRefused(String name, String value) {
        Map<String, Object> header = TestKeys.header();
        header.put(name, value);
        assertEquals("wrong_signature", cause(keys.sign(header, claims())));
    }

    @ParameterizedTest
    @CsvSource({"iss,https://other,wrong_issuer", "aud,https://kc/realms/b,wrong_audience", "txn,t2,wrong_txn"})
    void oneForSomebodyElseIsRefused(String name, String value, String cause) {
        assertEquals(cause, causeWith(claims -> claims.put(name, value)));
    }

    @ParameterizedTest
    @CsvSource({"-70,-10", "-120,0", "10,40", "-20,-6", "0,3600"})
    void oneThatIsNotOfNowIsRefused(int issued, int expires) {
        assertEquals("stale", causeWith(claims -> {
            claims.put("iat", NOW + issued);
            claims.put("exp", NOW + expires);
        }));
    }

    @ParameterizedTest
    @CsvSource({"-30,30", "4,34", "-60,-3"})
    void clocksMayDifferALittle(int issued, int expires) throws Unavailable {
        Map<String, Object> claims = claims();
        claims.put("iat", NOW + issued);
        claims.put("exp", NOW + expires);
        check(keys.sign(TestKeys.header(), claims));
    }

    @ParameterizedTest
    @CsvSource({"'', garbage", "a.b, garbage", "<html>, garbage", "{}, unsigned", "%.%.%, garbage"})
    void whatIsNoTokenIsRefused(String text, String cause) {
        assertEquals(cause, cause(text));
    }

    @Test
    void aMemberThatIsThereTwiceIsRefused() {
        String twice = TestKeys.part("{\"alg\":\"ES256\",\"alg\":\"none\"}".getBytes(StandardCharsets.UTF_8));
        String[] parts = keys.sign(TestKeys.header(), claims()).split("\\.");
        assertEquals("garbage", cause(twice + '.' + parts[1] + '.' + parts[2]));
    }
}
