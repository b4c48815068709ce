package io.github.idpadapter.keycloak.signals;

import jakarta.ws.rs.core.UriBuilder;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.zip.GZIPOutputStream;
import org.keycloak.authentication.AuthenticationFlowContext;

/**
 * The script of the login forms. Its name holds a hash of its content, so that browsers keep it for good and still have a new one
 * at once. It is served by an endpoint of ours: a theme resource has a name fixed at build time, and Keycloak's own version tag in
 * theme URLs doesn't change with this jar. Without the script (it is optional at build time) the forms work and send nothing.
 */
public final class CollectorScript {

    static final byte[] PLAIN = load();
    static final byte[] ZIPPED = zip(PLAIN);
    static final String NAME = "collector-" + hash(PLAIN) + ".js";

    private CollectorScript() {
    }

    /** Adds it to the page that this request may render. */
    public static void addTo(AuthenticationFlowContext context) {
        if (PLAIN.length > 0) {
            context.form().addScript(UriBuilder.fromUri(context.getUriInfo().getBaseUri()).path("realms/{realm}/{provider}/js/{name}")
                    .build(context.getRealm().getName(), CollectorResourceFactory.ID, NAME).getRawPath());
        }
    }

    private static byte[] load() {
        try (InputStream script = CollectorScript.class.getResourceAsStream("collector.js")) {
            return script == null ? new byte[0] : script.readAllBytes();
        } catch (IOException broken) {
            throw new UncheckedIOException(broken);
        }
    }

    private static byte[] zip(byte[] plain) {
        ByteArrayOutputStream zipped = new ByteArrayOutputStream();
        try (GZIPOutputStream gzip = new GZIPOutputStream(zipped)) {
            gzip.write(plain);
        } catch (IOException impossible) {
            throw new UncheckedIOException(impossible);
        }
        return zipped.toByteArray();
    }

    private static String hash(byte[] content) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(content), 0, 8);
        } catch (NoSuchAlgorithmException impossible) {
            throw new IllegalStateException(impossible);
        }
    }
}
