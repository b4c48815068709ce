package io.github.idpadapter.keycloak.decision;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.Signature;
import java.security.interfaces.ECPublicKey;
import java.security.spec.ECGenParameterSpec;
import java.util.Arrays;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.Map;

/** A service's key, and the tokens that it signs. */
final class TestKeys {

    static final ObjectMapper JSON = new ObjectMapper();
    final KeyPair pair;

    TestKeys() {
        try {
            KeyPairGenerator generator = KeyPairGenerator.getInstance("EC");
            generator.initialize(new ECGenParameterSpec("secp256r1"));
            pair = generator.generateKeyPair();
        } catch (GeneralSecurityException impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    static Map<String, Object> header() {
        return new LinkedHashMap<>(Map.of("alg", "ES256", "typ", "evaluation+jwt", "kid", "k1"));
    }

    static Map<String, Object> claims(String issuer, String audience, String txn, long now, Object evaluation) {
        return new LinkedHashMap<>(Map.of("iss", issuer, "aud", audience, "txn", txn, "iat", now, "exp", now + 30,
                "evaluation", evaluation));
    }

    String sign(Map<String, Object> header, Object claims) {
        try {
            String input = part(JSON.writeValueAsBytes(header)) + '.' + part(JSON.writeValueAsBytes(claims));
            Signature signature = Signature.getInstance("SHA256withECDSAinP1363Format");
            signature.initSign(pair.getPrivate());
            signature.update(input.getBytes(StandardCharsets.US_ASCII));
            return input + '.' + part(signature.sign());
        } catch (Exception impossible) {
            throw new IllegalStateException(impossible);
        }
    }

    String jwks() {
        ECPublicKey key = (ECPublicKey) pair.getPublic();
        return "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"k1\",\"use\":\"sig\",\"alg\":\"ES256\",\"x\":\""
                + part(fixed(key.getW().getAffineX().toByteArray())) + "\",\"y\":\""
                + part(fixed(key.getW().getAffineY().toByteArray())) + "\"}]}";
    }

    static String part(byte[] bytes) {
        return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    }

    private static byte[] fixed(byte[] number) {
        byte[] padded = new byte[32];
        byte[] plain = number.length > 32 ? Arrays.copyOfRange(number, number.length - 32, number.length) : number;
        System.arraycopy(plain, 0, padded, 32 - plain.length, plain.length);
        return padded;
    }
}
