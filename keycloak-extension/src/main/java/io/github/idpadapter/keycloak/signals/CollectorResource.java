package io.github.idpadapter.keycloak.signals;

import jakarta.ws.rs.GET;
import jakarta.ws.rs.HeaderParam;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.core.HttpHeaders;
import jakarta.ws.rs.core.Response;

/** Serves the script under the name of its present content, to be kept for a year; any other name isn't there. */
public final class CollectorResource {

    @GET
    @Path("js/{name}")
    public Response script(@PathParam("name") String name, @HeaderParam(HttpHeaders.ACCEPT_ENCODING) String accepted) {
        if (CollectorScript.PLAIN.length == 0 || !CollectorScript.NAME.equals(name)) {
            return Response.status(Response.Status.NOT_FOUND).build();
        }
        boolean zip = accepted != null && accepted.contains("gzip");
        Response.ResponseBuilder found = Response.ok(zip ? CollectorScript.ZIPPED : CollectorScript.PLAIN)
                .type("text/javascript; charset=utf-8").header(HttpHeaders.CACHE_CONTROL, "public, max-age=31536000, immutable")
                .header(HttpHeaders.VARY, HttpHeaders.ACCEPT_ENCODING);
        return (zip ? found.header(HttpHeaders.CONTENT_ENCODING, "gzip") : found).build();
    }
}
