package io.github.idpadapter.keycloak.tokens;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.keycloak.common.util.Time;
import org.keycloak.representations.JsonWebToken;

class TokenShaperTest {

    private static JsonWebToken issued(long ago, Long life) {
        long at = Time.currentTime() - ago;
        JsonWebToken token = new JsonWebToken().iat(at);
        return life == null ? token : token.exp(at + life);
    }

    @ParameterizedTest
    @CsvSource({"300, 60, 60", "60, 300, 60", ", 60, 60", "300, , 300"})
    void aTokenLivesAsLongAsItWouldOrAsTheDecisionSaysWhateverIsLess(Long life, Integer said, long expected) {
        for (long ago : new long[] {0, 2}) {
            JsonWebToken token = issued(ago, life);
            TokenShaper.shorten(token, said);
            assertEquals(expected, token.getExp() - token.getIat());
        }
    }

    @Test
    void aTokenWithoutATimeOfIssueLivesFromNow() {
        JsonWebToken token = new JsonWebToken().exp((long) Time.currentTime() + 300);
        TokenShaper.shorten(token, 60);
        assertEquals(60, token.getExp() - Time.currentTime(), 1);
    }

    @Test
    void whatIsNotThereIsNotShortened() {
        TokenShaper.shorten(null, 60);
        JsonWebToken endless = issued(0, null);
        TokenShaper.shorten(endless, null);
        assertNull(endless.getExp());
    }
}
