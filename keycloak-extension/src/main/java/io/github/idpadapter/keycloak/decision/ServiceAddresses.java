package io.github.idpadapter.keycloak.decision;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Arrays;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.http.conn.DnsResolver;

/**
 * Names to addresses, looked up on a thread of their own: a name server that is silent can't be interrupted and must not hold a
 * login. The last answer stands while a newer one is on its way.
 */
final class ServiceAddresses implements DnsResolver {

    private static final long FRESH_NANOS = TimeUnit.SECONDS.toNanos(30);

    private record Known(InetAddress[] addresses, long atNanos) {
    }

    private final ExecutorService lookups = Executors.newSingleThreadExecutor(work -> {
        Thread thread = new Thread(work, "risk-http-names");
        thread.setDaemon(true);
        return thread;
    });
    private final ConcurrentMap<String, Known> known = new ConcurrentHashMap<>();
    private final ConcurrentMap<String, Future<InetAddress[]>> pending = new ConcurrentHashMap<>();
    private final ThreadLocal<Integer> waitMs = ThreadLocal.withInitial(() -> 1000);

    /** How long this thread's next lookup may take. */
    void resolveWithin(int ms) {
        waitMs.set(ms);
    }

    @Override
    public InetAddress[] resolve(String host) throws UnknownHostException {
        Known present = known.get(host);
        if (present != null && System.nanoTime() - present.atNanos() < FRESH_NANOS) {
            return present.addresses();
        }
        Future<InetAddress[]> lookup = pending.computeIfAbsent(host, name -> lookups.submit(() -> lookUp(name)));
        if (present != null) {
            return present.addresses();
        }
        try {
            return lookup.get(waitMs.get(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException | ExecutionException silent) {
            throw new UnknownHostException(host);
        } catch (InterruptedException stop) {
            Thread.currentThread().interrupt();
            throw new UnknownHostException(host);
        }
    }

    private InetAddress[] lookUp(String host) throws UnknownHostException {
        try {
            InetAddress[] found = InetAddress.getAllByName(host);
            known.put(host, new Known(Arrays.copyOf(found, found.length), System.nanoTime()));
            return found;
        } finally {
            pending.remove(host);
        }
    }

    void close() {
        lookups.shutdownNow();
    }
}
