package io.github.idpadapter.keycloak.decision;

import java.math.BigInteger;
import java.security.AlgorithmParameters;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.NoSuchAlgorithmException;
import java.security.Provider;
import java.security.PublicKey;
import java.security.Signature;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.ECParameterSpec;
import java.security.spec.ECPoint;
import java.security.spec.ECPublicKeySpec;
import org.keycloak.common.crypto.CryptoIntegration;

/**
 * Checks ES256 signatures: by Keycloak's Bouncy Castle where it knows the form of JWS signatures, else by the JDK, which needs .98 ms
 * where the other needs .3 (a call after a pause of 50 ms on JDK 17).
 */
final class Es256 {

    private static final int SIGNATURE_BYTES = 64;
    private static final String OF_BOUNCY_CASTLE = "SHA256withPLAIN-ECDSA";
    private static final String OF_JDK = "SHA256withECDSAinP1363Format";

    /** Found at first use: Keycloak chooses its cryptography while it starts. */
    private static final class Found {
        private static final Provider PROVIDER = bouncyCastle();
    }

    private Es256() {
    }

    private static Provider bouncyCastle() {
        try {
            Provider found = CryptoIntegration.getProvider().getBouncyCastleProvider();
            Signature.getInstance(OF_BOUNCY_CASTLE, found);
            return found;
        } catch (IllegalStateException | NoSuchAlgorithmException none) { // outside of Keycloak, or in its FIPS mode
            return null;
        }
    }

    /** A P-256 key by its coordinates; fails for a point that is not on the curve. */
    static PublicKey key(BigInteger x, BigInteger y) throws GeneralSecurityException {
        AlgorithmParameters curve = AlgorithmParameters.getInstance("EC");
        curve.init(new ECGenParameterSpec("secp256r1"));
        ECPublicKeySpec point = new ECPublicKeySpec(new ECPoint(x, y), curve.getParameterSpec(ECParameterSpec.class));
        KeyFactory factory = Found.PROVIDER == null ? KeyFactory.getInstance("EC") : KeyFactory.getInstance("EC", Found.PROVIDER);
        return factory.generatePublic(point);
    }

    static boolean verifies(PublicKey key, byte[] signed, byte[] signature) {
        try {
            Signature check = Found.PROVIDER == null ? Signature.getInstance(OF_JDK)
                    : Signature.getInstance(OF_BOUNCY_CASTLE, Found.PROVIDER);
            check.initVerify(key);
            check.update(signed);
            return signature.length == SIGNATURE_BYTES && check.verify(signature);
        } catch (GeneralSecurityException notOne) {
            return false;
        }
    }
}
