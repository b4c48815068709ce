package io.github.idpadapter.keycloak.decision;

import java.io.IOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.channels.UnresolvedAddressException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.ssl.SSLContext;

/**
 * HTTP under one deadline from connect to the body's last byte. The timeouts of most clients are per read: a server that drips
 * bytes holds a login for seconds under them. Here the whole exchange is waited for so long and then cancelled.
 */
final class ServiceHttp {

    /** A response, whatever its status. */
    record Reply(int status, String contentType, byte[] body) {
    }

    private final URI base;
    private final int maxBytes;
    private final ExecutorService threads;
    private final HttpClient client;

    ServiceHttp(URI base, int maxBytes, SSLContext tls) {
        this.base = base;
        this.maxBytes = maxBytes;
        AtomicInteger number = new AtomicInteger();
        this.threads = Executors.newCachedThreadPool(work -> {
            Thread thread = new Thread(work, "risk-http-" + number.incrementAndGet());
            thread.setDaemon(true);
            return thread;
        });
        HttpClient.Builder builder = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1)
                .followRedirects(HttpClient.Redirect.NEVER).connectTimeout(Duration.ofSeconds(5)).executor(threads);
        this.client = (tls == null ? builder : builder.sslContext(tls)).build();
    }

    Reply get(String path, long deadlineNanos) throws Unavailable {
        return send(request(path).header("Accept", "application/json").GET(), deadlineNanos);
    }

    Reply post(String path, String accept, String bearer, byte[] json, long deadlineNanos) throws Unavailable {
        return send(request(path).header("Accept", accept).header("Content-Type", "application/json")
                .header("Authorization", "Bearer " + bearer).POST(BodyPublishers.ofByteArray(json)), deadlineNanos);
    }

    private HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(URI.create(base + path));
    }

    private Reply send(HttpRequest.Builder request, long deadlineNanos) throws Unavailable {
        HttpRequest built = request.build();
        try {
            return exchange(built, deadlineNanos);
        } catch (IOException lost) { // a kept connection that the server had closed: everything that we send may be sent twice
            try {
                return exchange(built, deadlineNanos);
            } catch (IOException again) {
                throw new Unavailable("garbage");
            }
        }
    }

    private Reply exchange(HttpRequest request, long deadlineNanos) throws Unavailable, IOException {
        CompletableFuture<HttpResponse<byte[]>> answer = client.sendAsync(request, info -> new LimitedBody(maxBytes));
        try {
            HttpResponse<byte[]> got = answer.get(Math.max(0, deadlineNanos - System.nanoTime()), TimeUnit.NANOSECONDS);
            return new Reply(got.statusCode(), got.headers().firstValue("Content-Type").orElse(""), got.body());
        } catch (TimeoutException late) {
            throw new Unavailable("timeout");
        } catch (InterruptedException stop) {
            Thread.currentThread().interrupt();
            throw new Unavailable("timeout");
        } catch (ExecutionException failed) {
            throw failure(failed.getCause());
        } finally {
            answer.cancel(true);
        }
    }

    private static IOException failure(Throwable cause) throws Unavailable {
        for (Throwable each = cause; each != null; each = each.getCause()) {
            if (each instanceof LimitedBody.TooLarge) {
                throw new Unavailable("oversized");
            }
            if (each instanceof java.net.http.HttpTimeoutException) {
                throw new Unavailable("timeout");
            }
            if (each instanceof ConnectException || each instanceof UnresolvedAddressException) {
                throw new Unavailable("refused");
            }
            if (each instanceof javax.net.ssl.SSLException) {
                throw new Unavailable("tls");
            }
        }
        if (cause instanceof IOException lost) {
            return lost;
        }
        throw new Unavailable("garbage");
    }

    void close() {
        threads.shutdownNow();
    }
}
