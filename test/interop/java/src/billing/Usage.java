package billing;

import io.grpc.Channel;
import java.util.ArrayList;
import java.util.List;
import valora.metering.v1.QueryUsageRequest;
import valora.metering.v1.RecordUsageOutcome;
import valora.metering.v1.RecordUsageRequest;
import valora.metering.v1.UsageEvent;
import valora.metering.v1.UsageServiceGrpc;
import valora.metering.v1.UsageWindow;
import valora.metering.v1.WindowUsage;
import valora.type.v1.Period;

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
    usage.recordUsage(RecordUsageRequest.newBuilder().addAllEvents(events).build()).getOutcomesList().forEach(Usage::tell);
  }

  private static void tell(RecordUsageOutcome outcome) {
    System.out.println(outcome.getIdempotencyKey() + " " + switch (outcome.getOutcome()) {
      case USAGE_OUTCOME_RECORDED -> "recorded";
      case USAGE_OUTCOME_DUPLICATE -> "was recorded before";
      // REFUSED, or UNRECOGNIZED: an outcome that only a later version knows. Never take it for recorded.
      default -> "refused: " + outcome.getReason() + " " + outcome.getField() + ": " + outcome.getMessage();
    });
  }

  /** The same over StreamUsage, batch by batch; the last event is a bad one. Then what they come to. */
  static void recordMuch(Channel channel) throws InterruptedException {
    List<UsageEvent> events = new ArrayList<>();
    for (int n = 1; n <= 17; n++) events.add(event("st-" + n, "2026-02-28T08:15:00Z", n + ".000000000000000001"));
    events.add(event("st-18", "2026-02-28T08:15:00Z", "1e3"));
    List<List<UsageEvent>> batches = new ArrayList<>(); // Up to 5,000 in a batch; hundreds are good.
    for (int start = 0; start < events.size(); start += 2) batches.add(events.subList(start, start + 2));
    new UsageStream(channel, batches.iterator(), Usage::tell).send();
    Period period = Period.newBuilder().setStartTime(BillTwoMonths.at("2026-02-28T08:00:00Z")).setEndTime(BillTwoMonths.at("2026-03-31T08:00:00Z")).build();
    QueryUsageRequest request = QueryUsageRequest.newBuilder().setMeter("gigabytes").setCustomer("acme").setPeriod(period).setWindow(UsageWindow.USAGE_WINDOW_PERIOD).build();
    for (WindowUsage window : UsageServiceGrpc.newBlockingStub(channel).queryUsage(request).getWindowsList()) {
      System.out.println("second period so far: " + window.getQuantity() + " gigabytes in " + window.getEventCount() + " events");
    }
  }
}
