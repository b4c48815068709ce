package io.github.idpadapter.keycloak.decision;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;

/** A service on a socket, free to answer as badly as a test wants. */
public final class TestService implements AutoCloseable {

    /** Answers a request, given its path and body. */
    @FunctionalInterface
    public interface Answer {
        void to(String path, String body, OutputStream out) throws Exception;
    }

    final AtomicInteger connections = new AtomicInteger();
    public final AtomicInteger requests = new AtomicInteger();
    private final ServerSocket socket = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    private final Set<Socket> open = ConcurrentHashMap.newKeySet();
    private volatile Answer answer;

    public TestService(Answer answer) throws IOException {
        this.answer = answer;
        daemon(this::accept);
    }

    public void answers(Answer next) {
        answer = next;
    }

    URI url() {
        return URI.create("http://127.0.0.1:" + socket.getLocalPort());
    }

    /** A client that asks here, with Keycloak's options as they are by default. */
    public DecisionClient client() {
        return client(url(), new HashMap<>());
    }

    static DecisionClient client(URI url, Map<String, String> options) {
        options.put("service-url", url.toString());
        UnaryOperator<String> source = options::get;
        RiskConfig config = RiskOptions.read(source);
        return new DecisionClient(config, new ServiceHttp(url, config.maxResponseBytes(), 8, null));
    }

    private void accept() {
        while (!socket.isClosed()) {
            try {
                Socket client = socket.accept();
                connections.incrementAndGet();
                open.add(client);
                daemon(() -> serve(client));
            } catch (IOException closed) {
                return;
            }
        }
    }

    private void serve(Socket client) {
        try (client) {
            InputStream in = client.getInputStream();
            while (true) {
                String head = head(in);
                if (head.isEmpty()) {
                    return;
                }
                String body = new String(in.readNBytes(length(head)), StandardCharsets.UTF_8);
                requests.incrementAndGet();
                answer.to(head.split(" ")[1], body, client.getOutputStream());
            }
        } catch (Exception gone) {
            // the client has gone, which some tests are about
        }
    }

    private static String head(InputStream in) throws IOException {
        ByteArrayOutputStream head = new ByteArrayOutputStream();
        for (int next = in.read(); next >= 0; next = in.read()) {
            head.write(next);
            if (head.toString(StandardCharsets.US_ASCII).endsWith("\r\n\r\n")) {
                return head.toString(StandardCharsets.US_ASCII);
            }
        }
        return "";
    }

    private static int length(String head) {
        return head.lines().filter(line -> line.toLowerCase().startsWith("content-length:"))
                .mapToInt(line -> Integer.parseInt(line.substring(15).strip())).findFirst().orElse(0);
    }

    public static void reply(OutputStream out, int status, String type, String body) throws IOException {
        out.write(("HTTP/1.1 " + status + " x\r\nContent-Type: " + type + "\r\nContent-Length: " + body.length() + "\r\n\r\n" + body)
                .getBytes(StandardCharsets.UTF_8));
        out.flush();
    }

    private static void daemon(Runnable work) {
        Thread thread = new Thread(work);
        thread.setDaemon(true);
        thread.start();
    }

    /** Closes every connection, as a service does that is started anew. */
    void cut() throws IOException {
        for (Socket client : open) {
            client.close();
        }
        open.clear();
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
