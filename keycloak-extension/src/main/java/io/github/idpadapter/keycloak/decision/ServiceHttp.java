package io.github.idpadapter.keycloak.decision;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.ConnectException;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.net.UnknownHostException;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import org.apache.http.HttpEntity;
import org.apache.http.client.config.RequestConfig;
import org.apache.http.client.methods.CloseableHttpResponse;
import org.apache.http.client.methods.HttpGet;
import org.apache.http.client.methods.HttpPost;
import org.apache.http.client.methods.HttpRequestBase;
import org.apache.http.config.ConnectionConfig;
import org.apache.http.config.MessageConstraints;
import org.apache.http.config.Registry;
import org.apache.http.config.RegistryBuilder;
import org.apache.http.conn.socket.ConnectionSocketFactory;
import org.apache.http.conn.socket.PlainConnectionSocketFactory;
import org.apache.http.conn.ssl.SSLConnectionSocketFactory;
import org.apache.http.entity.ByteArrayEntity;
import org.apache.http.impl.DefaultHttpResponseFactory;
import org.apache.http.impl.client.CloseableHttpClient;
import org.apache.http.impl.client.HttpClients;
import org.apache.http.impl.conn.DefaultHttpResponseParser;
import org.apache.http.impl.conn.ManagedHttpClientConnectionFactory;
import org.apache.http.impl.conn.PoolingHttpClientConnectionManager;
import org.apache.http.impl.io.DefaultHttpRequestWriterFactory;
import org.apache.http.message.BasicLineParser;
import org.apache.http.util.CharArrayBuffer;

/**
 * HTTP under one deadline from connect to the body's last byte. The timeouts of clients are per read: a server that drips bytes
 * holds a login for seconds under them. So a watch closes the connection when the time is up, whatever was read by then. The
 * request runs on the caller's thread, because handing it to others costs more than the call itself on a busy machine.
 */
final class ServiceHttp {

    /** A response, whatever its status. */
    record Reply(int status, String contentType, byte[] body) {
    }

    private static final int IDLE_CHECK_MS = 2000;

    private final URI base;
    private final int maxBytes;
    private final ScheduledThreadPoolExecutor watch;
    private final ServiceAddresses addresses = new ServiceAddresses();
    private final PoolingHttpClientConnectionManager pool;
    private final CloseableHttpClient client;

    ServiceHttp(URI base, int maxBytes, int connections, SSLContext tls) {
        this.base = base;
        this.maxBytes = maxBytes;
        this.watch = new ScheduledThreadPoolExecutor(1, work -> {
            Thread thread = new Thread(work, "risk-http-watch");
            thread.setDaemon(true);
            return thread;
        });
        watch.setRemoveOnCancelPolicy(true);
        this.pool = pool(connections, tls);
        this.client = HttpClients.custom().setConnectionManager(pool).disableRedirectHandling().disableCookieManagement()
                .disableAutomaticRetries().disableAuthCaching().disableContentCompression().build();
    }

    private PoolingHttpClientConnectionManager pool(int connections, SSLContext tls) {
        SSLConnectionSocketFactory secure = tls == null ? SSLConnectionSocketFactory.getSocketFactory() : new SSLConnectionSocketFactory(tls);
        Registry<ConnectionSocketFactory> sockets = RegistryBuilder.<ConnectionSocketFactory>create()
                .register("http", PlainConnectionSocketFactory.getSocketFactory()).register("https", secure).build();
        PoolingHttpClientConnectionManager pool = new PoolingHttpClientConnectionManager(sockets, connections(), addresses);
        pool.setDefaultConnectionConfig(ConnectionConfig.custom()
                .setMessageConstraints(MessageConstraints.custom().setMaxLineLength(8192).setMaxHeaderCount(100).build()).build());
        pool.setMaxTotal(connections);
        pool.setDefaultMaxPerRoute(connections);
        pool.setValidateAfterInactivity(IDLE_CHECK_MS);
        return pool;
    }

    /** Connections whose first line must be HTTP: by default they skip what isn't, for as long as it comes. */
    private static ManagedHttpClientConnectionFactory connections() {
        return new ManagedHttpClientConnectionFactory(DefaultHttpRequestWriterFactory.INSTANCE,
                (buffer, bounds) -> new DefaultHttpResponseParser(buffer, BasicLineParser.INSTANCE, DefaultHttpResponseFactory.INSTANCE, bounds) {
                    @Override
                    protected boolean reject(CharArrayBuffer line, int count) {
                        return true;
                    }
                });
    }

    Reply get(String path, long deadlineNanos) throws Unavailable {
        HttpGet request = new HttpGet(base + path);
        request.setHeader("Accept", "application/json");
        return send(request, deadlineNanos);
    }

    Reply post(String path, String accept, String bearer, byte[] json, long deadlineNanos) throws Unavailable {
        HttpPost request = new HttpPost(base + path);
        request.setHeader("Accept", accept);
        request.setHeader("Content-Type", "application/json");
        request.setHeader("Authorization", "Bearer " + bearer);
        request.setEntity(new ByteArrayEntity(json));
        return send(request, deadlineNanos);
    }

    private Reply send(HttpRequestBase request, long deadlineNanos) throws Unavailable {
        try {
            return exchange(request, deadlineNanos);
        } catch (IOException lost) { // a kept connection that the server had closed: everything that we send may be sent twice
            request.reset();
            pool.closeIdleConnections(0, TimeUnit.NANOSECONDS); // a service that was started anew closed the others as well
            try {
                return exchange(request, deadlineNanos);
            } catch (IOException again) {
                throw new Unavailable("garbage");
            }
        }
    }

    private Reply exchange(HttpRequestBase request, long deadlineNanos) throws Unavailable, IOException {
        long left = deadlineNanos - System.nanoTime();
        if (left <= 0) {
            throw new Unavailable("timeout");
        }
        int leftMs = (int) Math.max(1, TimeUnit.NANOSECONDS.toMillis(left));
        request.setConfig(RequestConfig.custom().setConnectionRequestTimeout(leftMs).setConnectTimeout(leftMs).setSocketTimeout(leftMs).build());
        addresses.resolveWithin(leftMs);
        ScheduledFuture<?> end = watch.schedule(request::abort, left, TimeUnit.NANOSECONDS);
        try (CloseableHttpResponse response = client.execute(request)) {
            HttpEntity entity = response.getEntity();
            String type = response.getFirstHeader("Content-Type") == null ? "" : response.getFirstHeader("Content-Type").getValue();
            return new Reply(response.getStatusLine().getStatusCode(), type, entity == null ? new byte[0] : whole(request, entity));
        } catch (IOException failed) {
            throw failure(failed, request, deadlineNanos);
        } finally {
            end.cancel(false);
        }
    }

    /** The body up to the limit; past it the connection is given up, not read to its end. */
    private byte[] whole(HttpRequestBase request, HttpEntity entity) throws IOException, Unavailable {
        if (entity.getContentLength() > maxBytes) {
            request.abort();
            throw new Unavailable("oversized");
        }
        ByteArrayOutputStream body = new ByteArrayOutputStream(2048);
        byte[] part = new byte[4096];
        InputStream source = entity.getContent();
        for (int count = source.read(part); count >= 0; count = source.read(part)) {
            body.write(part, 0, count);
            if (body.size() > maxBytes) {
                request.abort();
                throw new Unavailable("oversized");
            }
        }
        return body.toByteArray();
    }

    /** What failed, by name; returned where the same request may be tried once more. */
    private static IOException failure(IOException failed, HttpRequestBase request, long deadlineNanos) throws Unavailable {
        if (request.isAborted() || failed instanceof SocketTimeoutException || System.nanoTime() >= deadlineNanos) {
            throw new Unavailable("timeout");
        }
        if (failed instanceof ConnectException || failed instanceof UnknownHostException) {
            throw new Unavailable("refused");
        }
        if (failed instanceof SSLException) {
            throw new Unavailable("tls");
        }
        return failed;
    }

    void close() {
        watch.shutdownNow();
        addresses.close();
        try {
            client.close();
        } catch (IOException ignored) {
            return; // nothing is left to be lost
        }
    }
}
