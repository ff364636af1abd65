package billing;

import io.grpc.Channel;
import java.util.ArrayList;
import java.util.List;
import valora.metering.v1.RecordUsageOutcome;
import valora.metering.v1.RecordUsageRequest;
import valora.metering.v1.UsageEvent;
import valora.metering.v1.UsageServiceGrpc;

/** Recording usage so that each event counts once. */
final class Usage {
  private Usage() {}

  static void record(Channel channel) {
    UsageServiceGrpc.UsageServiceBlockingStub usage = UsageServiceGrpc.newBlockingStub(channel);
    List<UsageEvent> events = new ArrayList<>(List.of(
        event("gb-1", "2026-02-01T00:00:00Z", "99.999999999999999999"),
        event("gb-2", "2026-02-14T12:34:56.789012Z", "25.05"),
        event("gb-3", "2026-02-28T07:59:59.999999Z", "25.25"), // the last microsecond of the first period
        event("gb-4", "2026-02-28T08:00:00Z", "10"))); // the first of the second
    record(usage, events);
    // After a timeout or a crash, send the same again: what was stored comes back as DUPLICATE.
    events.add(event("gb-4", "2026-02-28T08:00:00Z", "11"));
    events.add(event("gb-5", "2026-02-28T08:00:00Z", "1e3"));
    record(usage, events);
  }

  private static UsageEvent event(String key, String time, String value) {
    return UsageEvent.newBuilder()
        .setIdempotencyKey(key).setMeter("gigabytes").setCustomer("acme").setEventTime(BillTwoMonths.at(time)).setValue(value).putProperties("region", "eu").build();
  }

  /** Each event has an outcome of its own, in request order: look at all of them, the call succeeds all the same. */
  private static void record(UsageServiceGrpc.UsageServiceBlockingStub usage, List<UsageEvent> events) {
    for (RecordUsageOutcome outcome : usage.recordUsage(RecordUsageRequest.newBuilder().addAllEvents(events).build()).getOutcomesList()) {
      System.out.println(outcome.getIdempotencyKey() + " " + switch (outcome.getOutcome()) {
        case USAGE_OUTCOME_RECORDED -> "recorded";
        case USAGE_OUTCOME_DUPLICATE -> "was recorded before";
        // REFUSED, or UNRECOGNIZED: an outcome that only a later version knows. Never take it for recorded.
        default -> "refused: " + outcome.getReason() + " " + outcome.getField();
      });
    }
  }
}
