"""Two months of billing against a running Valora: what a Python backend does, call by call.

Needs VALORA_ADDRESS (host:port), VALORA_OPERATOR_CREDENTIAL and VALORA_RETRY_CONFIG (the shipped gRPC service config).
Prints the invoices it got. The stubs in `valora.*` are generated from proto/; see docs/reference/other-languages.md.
"""
import hashlib
import os
import uuid
from decimal import Decimal

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from refusals import refusal_of
from usage_stream import stream_usage
from valora.invoicing.v1 import audit_pb2, audit_pb2_grpc, invoice_pb2, invoice_pb2_grpc
from valora.metering.v1 import meter_pb2, meter_pb2_grpc, query_usage_pb2, usage_pb2, usage_pb2_grpc
from valora.pricing.v1 import catalog_pb2, catalog_pb2_grpc, price_model_pb2
from valora.scheduler.v1 import scheduler_pb2, scheduler_pb2_grpc
from valora.subscription.v1 import customer_pb2, customer_pb2_grpc, subscription_pb2, subscription_pb2_grpc
from valora.tenancy.v1 import organization_pb2, organization_pb2_grpc
from valora.type.v1 import period_pb2

START = "2026-01-31T08:00:00Z"
SECONDS = 30  # A call without a deadline may wait for ever. AdvanceClock bills on the way, so give it more.


def at(text: str) -> Timestamp:
    """An instant from RFC 3339 text, exact to the nanosecond. `datetime` is exact to the microsecond, as Valora is; a float of seconds is not."""
    instant = Timestamp()
    instant.FromJsonString(text)
    return instant


def with_credential(credential: str) -> dict:
    """What every call gets: who calls, and how long it may take."""
    return {"metadata": (("authorization", f"Bearer {credential}"),), "timeout": SECONDS}


def create_sandbox(channel: grpc.Channel, operator_credential: str) -> str:
    """A sandbox has a clock of its own, so that two months pass in a second. The API key is shown this once: keep it."""
    organizations = organization_pb2_grpc.OrganizationServiceStub(channel)
    request = organization_pb2.CreateOrganizationRequest(
        request_id=str(uuid.uuid4()), display_name="Python example", currency_code="USD", sandbox_time=at(START),
    )
    return organizations.CreateOrganization(request, **with_credential(operator_credential)).api_key


def create_catalog(channel: grpc.Channel, call: dict) -> None:
    """20.00 a seat, and gigabytes at 0.10 up to 100 and 0.05 beyond. Decimals travel as text; never make one from a float."""
    meters = meter_pb2_grpc.MeterServiceStub(channel)
    catalog = catalog_pb2_grpc.CatalogServiceStub(channel)
    # Derive a request_id from what the request is about: then it is the same after a crash, and nothing happens twice.
    meter = meter_pb2.Meter(code="gigabytes", display_name="Data", aggregation=meter_pb2.AGGREGATION_SUM)
    meters.CreateMeter(meter_pb2.CreateMeterRequest(request_id="meter gigabytes", meter=meter), **call)
    flat = price_model_pb2.PriceModel(flat=price_model_pb2.FlatModel(amount="20"))
    tiers = [price_model_pb2.Tier(up_to="100", unit_amount="0.10"), price_model_pb2.Tier(unit_amount="0.05")]
    graduated = price_model_pb2.PriceModel(graduated=price_model_pb2.GraduatedModel(tiers=tiers))
    for code, name, meter_code, model in (("seat", "Seats", "", flat), ("data", "Data transfer", "gigabytes", graduated)):
        price = catalog_pb2.Price(
            code=code, display_name=name, meter=meter_code, currency_code="USD", billing_timing=catalog_pb2.BILLING_TIMING_IN_ARREARS,
        )
        catalog.CreatePrice(catalog_pb2.CreatePriceRequest(request_id=f"price {code}", price=price), **call)
        version = catalog_pb2.PublishPriceVersionRequest(
            request_id=f"version {code} 1", price=code, effective_from_time=at(START), model=model, allow_back_dating=True,
        )
        catalog.PublishPriceVersion(version, **call)
    plan = catalog_pb2.Plan(code="team", display_name="Team", interval=period_pb2.PERIOD_INTERVAL_MONTH, prices=["seat", "data"])
    catalog.CreatePlan(catalog_pb2.CreatePlanRequest(request_id="plan team", plan=plan), **call)


def subscribe(channel: grpc.Channel, call: dict) -> None:
    """Three seats from 31 January on. The reference is ours: an id of our own database."""
    customer = customer_pb2.Customer(reference="acme", display_name="Acme")
    customers = customer_pb2_grpc.CustomerServiceStub(channel)
    customers.CreateCustomer(customer_pb2.CreateCustomerRequest(request_id="customer acme", customer=customer), **call)
    seats = subscription_pb2.SubscriptionItem(item="seat", price="seat", quantity="3")
    subscription = subscription_pb2.Subscription(reference="acme-1", customer="acme", plan="team", start_time=at(START), items=[seats])
    request = subscription_pb2.CreateSubscriptionRequest(request_id="subscription acme-1", subscription=subscription)
    subscription_pb2_grpc.SubscriptionServiceStub(channel).CreateSubscription(request, **call)


def advance(channel: grpc.Channel, call: dict, target: str) -> None:
    request = scheduler_pb2.AdvanceClockRequest(target_time=at(target))
    scheduler_pb2_grpc.SchedulerServiceStub(channel).AdvanceClock(request, **{**call, "timeout": 120})


def event(key: str, time: str, value: str) -> usage_pb2.UsageEvent:
    return usage_pb2.UsageEvent(
        idempotency_key=key, meter="gigabytes", customer="acme", event_time=at(time), value=value, properties={"region": "eu"},
    )


def record(usage: usage_pb2_grpc.UsageServiceStub, call: dict, events: list) -> None:
    """Each event has an outcome of its own, in request order: look at all of them, the call succeeds all the same."""
    for outcome in usage.RecordUsage(usage_pb2.RecordUsageRequest(events=events), **call).outcomes:
        tell(outcome)


def tell(outcome: usage_pb2.RecordUsageOutcome) -> None:
    if outcome.outcome == usage_pb2.USAGE_OUTCOME_RECORDED:
        print(outcome.idempotency_key, "recorded")
    elif outcome.outcome == usage_pb2.USAGE_OUTCOME_DUPLICATE:
        print(outcome.idempotency_key, "was recorded before")
    else:  # REFUSED, or an outcome that only a later version knows: never take it for recorded.
        print(f"{outcome.idempotency_key} refused: {outcome.reason} {outcome.field}: {outcome.message}")


def record_usage(channel: grpc.Channel, call: dict) -> None:
    usage = usage_pb2_grpc.UsageServiceStub(channel)
    events = [
        event("gb-1", "2026-02-01T00:00:00Z", "99.999999999999999999"),
        event("gb-2", "2026-02-14T12:34:56.789012Z", "25.05"),
        event("gb-3", "2026-02-28T07:59:59.999999Z", "25.25"),  # the last microsecond of the first period
        event("gb-4", "2026-02-28T08:00:00Z", "10"),  # the first of the second
    ]
    record(usage, call, events)
    # After a timeout or a crash, send the same again: what was stored comes back as DUPLICATE.
    record(usage, call, [*events, event("gb-4", "2026-02-28T08:00:00Z", "11"), event("gb-5", "2026-02-28T08:00:00Z", "1e3")])


def record_much(channel: grpc.Channel, call: dict) -> None:
    """The same over StreamUsage, batch by batch; the last event is a bad one. Then what they come to."""
    usage = usage_pb2_grpc.UsageServiceStub(channel)
    events = [event(f"st-{n}", "2026-02-28T08:15:00Z", f"{n}.000000000000000001") for n in range(1, 18)]
    events.append(event("st-18", "2026-02-28T08:15:00Z", "1e3"))
    batches = (events[start:start + 2] for start in range(0, len(events), 2))  # Up to 5,000 in a batch; hundreds are good.
    for outcome in stream_usage(usage, call, batches):
        tell(outcome)
    request = query_usage_pb2.QueryUsageRequest(
        meter="gigabytes", customer="acme", window=query_usage_pb2.USAGE_WINDOW_PERIOD,
        period=period_pb2.Period(start_time=at("2026-02-28T08:00:00Z"), end_time=at("2026-03-31T08:00:00Z")),
    )
    for window in usage.QueryUsage(request, **call).windows:
        print(f"second period so far: {window.quantity} gigabytes in {window.event_count} events")


def show_refusals(channel: grpc.Channel, call: dict) -> None:
    """What a refused call says, for programs: a reason, the fields, when to come again."""
    try:
        meter = meter_pb2.Meter(code="Not a code", display_name="x", aggregation=meter_pb2.AGGREGATION_UNSPECIFIED)
        meter_pb2_grpc.MeterServiceStub(channel).CreateMeter(meter_pb2.CreateMeterRequest(request_id="bad", meter=meter), **call)
    except grpc.RpcError as error:
        print(refusal_of(error))
    # An organization may have 16 streams open; the one beyond is turned away, with advice when to try again.
    audit = audit_pb2_grpc.AuditServiceStub(channel)
    streams = [audit.TailAuditLog(audit_pb2.TailAuditLogRequest(), **call) for _ in range(17)]
    try:
        for stream in streams:
            next(stream)
    except grpc.RpcError as error:
        print(refusal_of(error))
    for stream in streams:
        stream.cancel()


def show_invoices(channel: grpc.Channel, call: dict) -> None:
    invoices = invoice_pb2_grpc.InvoiceServiceStub(channel)
    sum_of_totals = Decimal(0)
    page_token = ""
    while True:  # Small pages, to show how: the token of the last page is empty.
        page = invoices.ListInvoices(invoice_pb2.ListInvoicesRequest(page_size=1, page_token=page_token, subscription="acme-1"), **call)
        for invoice in page.invoices:
            print(f"invoice {invoice.number} {invoice.period.start_time.ToJsonString()} to {invoice.period.end_time.ToJsonString()}")
            for line in invoice.lines:
                print(f"  {line.description}: {line.quantity} = {line.amount.amount} {line.amount.currency_code}")
            assert sum(Decimal(line.amount.amount) for line in invoice.lines) == Decimal(invoice.subtotal.amount)
            canonical = invoices.GetCanonicalInvoice(invoice_pb2.GetCanonicalInvoiceRequest(invoice_id=invoice.invoice_id), **call)
            assert hashlib.sha256(canonical.canonical_invoice).hexdigest() == canonical.digest == invoice.digest
            print(f"  total {invoice.total.amount} {invoice.total.currency_code}, SHA-256 {invoice.digest}")
            sum_of_totals += Decimal(invoice.total.amount)
        page_token = page.next_page_token
        if not page_token:
            break
    print("sum of totals", sum_of_totals)


def wait_for_finalized(channel: grpc.Channel, call: dict, count: int) -> None:
    """The feed for whoever collects the money: keep the last sequence you handled, and go on after it when the stream ends."""
    stream = audit_pb2_grpc.AuditServiceStub(channel).TailAuditLog(audit_pb2.TailAuditLogRequest(after_sequence=0), **call)
    invoices = invoice_pb2_grpc.InvoiceServiceStub(channel)
    for response in stream:
        if not response.record.action.endswith("/FinalizeDueInvoices"):
            continue
        invoice_id = response.record.subject.removeprefix("invoice ")
        invoice = invoices.GetInvoice(invoice_pb2.GetInvoiceRequest(invoice_id=invoice_id), **call).invoice
        print(f"finalized: invoice {invoice.number}, {invoice.total.amount} {invoice.total.currency_code} from {invoice.customer}")
        count -= 1
        if count == 0:
            break
    stream.cancel()


def main() -> None:
    with open(os.environ["VALORA_RETRY_CONFIG"], encoding="utf-8") as file:
        options = [("grpc.service_config", file.read())]  # Retries at UNAVAILABLE happen within a call and its deadline.
    # Beyond a private network: grpc.secure_channel with grpc.ssl_channel_credentials().
    with grpc.insecure_channel(os.environ["VALORA_ADDRESS"], options) as channel:
        call = with_credential(create_sandbox(channel, os.environ["VALORA_OPERATOR_CREDENTIAL"]))
        create_catalog(channel, call)
        subscribe(channel, call)
        advance(channel, call, "2026-02-28T07:30:00Z")
        record_usage(channel, call)
        record_much(channel, call)
        advance(channel, call, "2026-03-31T08:00:00Z")
        show_invoices(channel, call)
        wait_for_finalized(channel, call, 2)
        show_refusals(channel, call)


if __name__ == "__main__":
    main()
