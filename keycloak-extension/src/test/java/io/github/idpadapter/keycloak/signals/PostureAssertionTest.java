package io.github.idpadapter.keycloak.signals;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.util.List;
import org.junit.jupiter.api.Test;

class PostureAssertionTest {

    @Test
    void oneValueIsPassedOnUntouched() {
        assertEquals("a.b.c", PostureAssertion.joined(List.of("a.b.c")));
    }

    @Test
    void noneIsNone() {
        assertNull(PostureAssertion.joined(null));
        assertNull(PostureAssertion.joined(List.of()));
    }

    @Test
    void aClientsOwnBesideTheProxysMakesNoTokenOfBoth() {
        assertEquals("forged.b.c,a.b.c", PostureAssertion.joined(List.of("forged.b.c", "a.b.c")));
    }

    @Test
    void tooLongAnAssertionIsCutWhereTheServiceStillSeesThatItIs() {
        assertEquals(PostureAssertion.MAX_CHARS, PostureAssertion.joined(List.of("a".repeat(PostureAssertion.MAX_CHARS))).length());
        assertEquals(PostureAssertion.MAX_CHARS + 1, PostureAssertion.joined(List.of("a".repeat(20_000))).length());
    }
}
