package io.github.idpadapter.keycloak.signals;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.keycloak.representations.AccessToken.Confirmation;

class BindingSignalsTest {

    @Test
    void anUnboundTokenNeedsNoProof() {
        assertEquals(true, new BindingSignals(null, null).satisfies(null));
        assertEquals(true, new BindingSignals("key", null).satisfies(new Confirmation()));
    }

    @ParameterizedTest
    @CsvSource({
        "key,  ,     key,   ,      true",
        "key,  ,     other, ,      false",
        "key,  ,     ,      ,      false",
        "key,  ,     ,      cert,  false",
        ",     cert, ,      cert,  true",
        ",     cert, ,      other, false",
        ",     cert, ,      ,      false",
        "key,  cert, key,   cert,  true",
        "key,  cert, key,   ,      false",
    })
    void aBoundTokenNeedsTheProofOfAllThatItIsBoundTo(String boundKey, String boundCert, String key, String cert, boolean holds) {
        Confirmation bound = new Confirmation();
        bound.setKeyThumbprint(boundKey);
        bound.setCertThumbprint(boundCert);
        assertEquals(holds, new BindingSignals(key, cert).satisfies(bound));
    }
}
