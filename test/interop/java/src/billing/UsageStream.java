package billing;

import io.grpc.Channel;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Consumer;
import valora.metering.v1.RecordUsageOutcome;
import valora.metering.v1.StreamUsageRequest;
import valora.metering.v1.StreamUsageResponse;
import valora.metering.v1.UsageEvent;
import valora.metering.v1.UsageServiceGrpc;

/**
 * Usage over one long call, for whoever has much of it: batches go out while acknowledgements come in. A stream that breaks is
 * followed by another, on which goes again what was not acknowledged. Keys make that safe: what was stored comes back as DUPLICATE.
 */
final class UsageStream {
  private static final int UNDER_WAY_MAX = 4; // Batches. As many are kept in memory until they are acknowledged.
  private static final int FRUITLESS_MAX = 9; // Streams in a row without an acknowledgement: with the waits between them about half a minute.
  private static final long WAIT_FIRST_MS = 250;
  private static final long WAIT_LAST_MS = 5_000;

  private final UsageServiceGrpc.UsageServiceStub usage;
  private final Iterator<List<UsageEvent>> batches;
  private final Consumer<RecordUsageOutcome> told;
  private final Deque<StreamUsageRequest> pending = new ArrayDeque<>(); // Not acknowledged, in order.
  private long last;
  private int fruitless;

  /** An acknowledgement, or how the stream ended: both null where it ended well. */
  private record Answer(StreamUsageResponse acknowledgement, Throwable failure) {}

  /** The outcome of each event is told once it is durable, in the order sent: take none for recorded before. While it waits for batches it reads none. */
  UsageStream(Channel channel, Iterator<List<UsageEvent>> batches, Consumer<RecordUsageOutcome> told) {
    this.usage = UsageServiceGrpc.newStub(channel); // Its deadline is the channel's: a stream that hangs ends there, and another takes over.
    this.batches = batches;
    this.told = told;
  }

  /** Sends all batches; returns when all are acknowledged. Throws what another stream would not mend. */
  void send() throws InterruptedException {
    while (!pending.isEmpty() || batches.hasNext()) {
      Throwable failure = converse();
      if (failure == null) continue;
      fruitless++;
      Refusal refusal = Refusal.of(failure);
      if (fruitless == FRUITLESS_MAX || !refusal.mayPass()) throw new IllegalStateException("usage is not recorded: " + refusal, failure);
      long waitMs = Math.min(WAIT_FIRST_MS << (fruitless - 1), WAIT_LAST_MS);
      if (refusal.retryAfterMs() != null) waitMs = Math.max(waitMs, refusal.retryAfterMs());
      Thread.sleep(waitMs + ThreadLocalRandom.current().nextLong(waitMs / 2));
    }
  }

  /** One stream; null if it ended well. gRPC's threads hand over the answers, this one does the rest. */
  private Throwable converse() throws InterruptedException {
    BlockingQueue<Answer> answers = new LinkedBlockingQueue<>(); // Never more than are under way.
    StreamObserver<StreamUsageRequest> requests = usage.streamUsage(new StreamObserver<>() {
      @Override
      public void onNext(StreamUsageResponse response) {
        answers.add(new Answer(response, null));
      }

      @Override
      public void onError(Throwable failure) {
        answers.add(new Answer(null, failure));
      }

      @Override
      public void onCompleted() {
        answers.add(new Answer(null, null));
      }
    });
    try {
      pending.forEach(requests::onNext);
      sendMore(requests);
      for (Answer answer = answers.take(); ; answer = answers.take()) {
        if (answer.acknowledgement() == null) return answer.failure();
        StreamUsageRequest acknowledged = pending.remove();
        if (acknowledged.getSequence() != answer.acknowledgement().getSequence()) throw new IllegalStateException("a batch was acknowledged out of turn");
        fruitless = 0;
        answer.acknowledgement().getOutcomesList().forEach(told);
        sendMore(requests);
        if (pending.isEmpty()) requests.onCompleted(); // The server ends the stream too.
      }
    } finally {
      ((ClientCallStreamObserver<?>) requests).cancel("left", null); // For a caller that leaves early; else it is over.
    }
  }

  private void sendMore(StreamObserver<StreamUsageRequest> requests) {
    while (pending.size() < UNDER_WAY_MAX && batches.hasNext()) {
      StreamUsageRequest request = StreamUsageRequest.newBuilder().setSequence(++last).addAllEvents(batches.next()).build();
      pending.add(request);
      requests.onNext(request);
    }
  }
}
