package io.github.idpadapter.keycloak.decision;

import java.net.http.HttpResponse.BodySubscriber;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Flow;

/** A response body in memory up to a limit; past it the exchange is given up, not read to its end. */
final class LimitedBody implements BodySubscriber<byte[]> {

    /** Says that the limit was passed. */
    static final class TooLarge extends RuntimeException {
        private static final long serialVersionUID = 1L;
    }

    private final BodySubscriber<byte[]> whole = java.net.http.HttpResponse.BodySubscribers.ofByteArray();
    private final int limit;
    private Flow.Subscription source;
    private long seen;

    LimitedBody(int limit) {
        this.limit = limit;
    }

    @Override
    public CompletionStage<byte[]> getBody() {
        return whole.getBody();
    }

    @Override
    public void onSubscribe(Flow.Subscription subscription) {
        source = subscription;
        whole.onSubscribe(subscription);
    }

    @Override
    public void onNext(List<ByteBuffer> buffers) {
        buffers.forEach(buffer -> seen += buffer.remaining());
        if (seen > limit) {
            source.cancel();
            whole.onError(new TooLarge());
        } else {
            whole.onNext(buffers);
        }
    }

    @Override
    public void onError(Throwable failure) {
        whole.onError(failure);
    }

    @Override
    public void onComplete() {
        whole.onComplete();
    }
}
