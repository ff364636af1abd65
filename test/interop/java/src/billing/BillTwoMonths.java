package billing;

import com.google.protobuf.Timestamp;
import com.google.protobuf.util.Timestamps;
import io.grpc.Channel;
import io.grpc.Context;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import java.nio.file.Path;
import java.text.ParseException;
import java.util.UUID;
import valora.invoicing.v1.AuditServiceGrpc;
import valora.invoicing.v1.TailAuditLogRequest;
import valora.metering.v1.Aggregation;
import valora.metering.v1.CreateMeterRequest;
import valora.metering.v1.Meter;
import valora.metering.v1.MeterServiceGrpc;
import valora.pricing.v1.BillingTiming;
import valora.pricing.v1.CatalogServiceGrpc;
import valora.pricing.v1.CreatePlanRequest;
import valora.pricing.v1.CreatePriceRequest;
import valora.pricing.v1.FlatModel;
import valora.pricing.v1.GraduatedModel;
import valora.pricing.v1.Plan;
import valora.pricing.v1.Price;
import valora.pricing.v1.PriceModel;
import valora.pricing.v1.PublishPriceVersionRequest;
import valora.pricing.v1.Tier;
import valora.scheduler.v1.AdvanceClockRequest;
import valora.scheduler.v1.SchedulerServiceGrpc;
import valora.subscription.v1.CreateCustomerRequest;
import valora.subscription.v1.CreateSubscriptionRequest;
import valora.subscription.v1.Customer;
import valora.subscription.v1.CustomerServiceGrpc;
import valora.subscription.v1.Subscription;
import valora.subscription.v1.SubscriptionItem;
import valora.subscription.v1.SubscriptionServiceGrpc;
import valora.tenancy.v1.CreateOrganizationRequest;
import valora.tenancy.v1.OrganizationServiceGrpc;
import valora.type.v1.PeriodInterval;

/**
 * Two months of billing against a running Valora: what a Java backend does, call by call.
 *
 * <p>Needs VALORA_ADDRESS (host:port), VALORA_OPERATOR_CREDENTIAL and VALORA_RETRY_CONFIG (the shipped gRPC service config). Prints
 * the invoices it got. The stubs are generated from proto/; see docs/reference/other-languages.md.
 */
public final class BillTwoMonths {
  private static final String START = "2026-01-31T08:00:00Z";

  private BillTwoMonths() {}

  public static void main(String[] arguments) throws Exception {
    ManagedChannel connection = Caller.connect(System.getenv("VALORA_ADDRESS"), Path.of(System.getenv("VALORA_RETRY_CONFIG")));
    try {
      String apiKey = createSandbox(Caller.withCredential(connection, System.getenv("VALORA_OPERATOR_CREDENTIAL")));
      Channel channel = Caller.withCredential(connection, apiKey);
      createCatalog(channel);
      subscribe(channel);
      advance(channel, "2026-02-28T07:30:00Z");
      Usage.record(channel);
      Usage.recordMuch(channel);
      advance(channel, "2026-03-31T08:00:00Z");
      Invoices.show(channel);
      Invoices.waitForFinalized(channel, 2);
      showRefusals(channel);
    } finally {
      connection.shutdownNow();
    }
  }

  /** An instant from RFC 3339 text, exact to the nanosecond; Valora cuts it to microseconds. */
  static Timestamp at(String text) {
    try {
      return Timestamps.parse(text);
    } catch (ParseException error) {
      throw new IllegalArgumentException(error);
    }
  }

  /** A sandbox has a clock of its own, so that two months pass in a second. The API key is shown this once: keep it. */
  private static String createSandbox(Channel channel) {
    CreateOrganizationRequest request = CreateOrganizationRequest.newBuilder()
        .setRequestId(UUID.randomUUID().toString()).setDisplayName("Java example").setCurrencyCode("USD").setSandboxTime(at(START)).build();
    return OrganizationServiceGrpc.newBlockingStub(channel).createOrganization(request).getApiKey();
  }

  /** 20.00 a seat, and gigabytes at 0.10 up to 100 and 0.05 beyond. Decimals travel as text; BigDecimal.toPlainString makes it, never a double. */
  private static void createCatalog(Channel channel) {
    // Derive a request_id from what the request is about: then it is the same after a crash, and nothing happens twice.
    Meter meter = Meter.newBuilder().setCode("gigabytes").setDisplayName("Data").setAggregation(Aggregation.AGGREGATION_SUM).build();
    MeterServiceGrpc.newBlockingStub(channel).createMeter(CreateMeterRequest.newBuilder().setRequestId("meter gigabytes").setMeter(meter).build());
    PriceModel flat = PriceModel.newBuilder().setFlat(FlatModel.newBuilder().setAmount("20")).build();
    GraduatedModel tiers = GraduatedModel.newBuilder()
        .addTiers(Tier.newBuilder().setUpTo("100").setUnitAmount("0.10"))
        .addTiers(Tier.newBuilder().setUnitAmount("0.05")).build();
    createPrice(channel, Price.newBuilder().setCode("seat").setDisplayName("Seats"), flat);
    createPrice(channel, Price.newBuilder().setCode("data").setDisplayName("Data transfer").setMeter("gigabytes"), PriceModel.newBuilder().setGraduated(tiers).build());
    Plan plan = Plan.newBuilder().setCode("team").setDisplayName("Team").setInterval(PeriodInterval.PERIOD_INTERVAL_MONTH).addPrices("seat").addPrices("data").build();
    CatalogServiceGrpc.newBlockingStub(channel).createPlan(CreatePlanRequest.newBuilder().setRequestId("plan team").setPlan(plan).build());
  }

  private static void createPrice(Channel channel, Price.Builder price, PriceModel model) {
    CatalogServiceGrpc.CatalogServiceBlockingStub catalog = CatalogServiceGrpc.newBlockingStub(channel);
    price.setCurrencyCode("USD").setBillingTiming(BillingTiming.BILLING_TIMING_IN_ARREARS);
    catalog.createPrice(CreatePriceRequest.newBuilder().setRequestId("price " + price.getCode()).setPrice(price).build());
    catalog.publishPriceVersion(PublishPriceVersionRequest.newBuilder()
        .setRequestId("version " + price.getCode() + " 1").setPrice(price.getCode()).setEffectiveFromTime(at(START)).setModel(model).setAllowBackDating(true).build());
  }

  /** Three seats from 31 January on. The reference is ours: an id of our own database. */
  private static void subscribe(Channel channel) {
    Customer customer = Customer.newBuilder().setReference("acme").setDisplayName("Acme").build();
    CustomerServiceGrpc.newBlockingStub(channel).createCustomer(CreateCustomerRequest.newBuilder().setRequestId("customer acme").setCustomer(customer).build());
    Subscription subscription = Subscription.newBuilder().setReference("acme-1").setCustomer("acme").setPlan("team").setStartTime(at(START))
        .addItems(SubscriptionItem.newBuilder().setItem("seat").setPrice("seat").setQuantity("3")).build();
    SubscriptionServiceGrpc.newBlockingStub(channel)
        .createSubscription(CreateSubscriptionRequest.newBuilder().setRequestId("subscription acme-1").setSubscription(subscription).build());
  }

  private static void advance(Channel channel, String target) {
    SchedulerServiceGrpc.newBlockingStub(channel).advanceClock(AdvanceClockRequest.newBuilder().setTargetTime(at(target)).build());
  }

  /** What a refused call says, for programs: a reason, the fields, when to come again. */
  private static void showRefusals(Channel channel) {
    try {
      Meter meter = Meter.newBuilder().setCode("Not a code").setDisplayName("x").build();
      MeterServiceGrpc.newBlockingStub(channel).createMeter(CreateMeterRequest.newBuilder().setRequestId("bad").setMeter(meter).build());
    } catch (StatusRuntimeException error) {
      System.out.println(Refusal.of(error));
    }
    // An organization may have 16 streams open; the one beyond is turned away, with advice when to try again. Leaving the
    // context cancels those that are open.
    try (Context.CancellableContext context = Context.current().withCancellation()) {
      context.run(() -> {
        try {
          for (int stream = 0; stream < 17; stream++) {
            AuditServiceGrpc.newBlockingStub(channel).tailAuditLog(TailAuditLogRequest.getDefaultInstance()).next();
          }
        } catch (StatusRuntimeException error) {
          System.out.println(Refusal.of(error));
        }
      });
    }
  }
}
