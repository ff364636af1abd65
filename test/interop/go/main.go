// Two months of billing against a running Valora: what a Go backend does, call by call.
//
// Needs VALORA_ADDRESS (host:port), VALORA_OPERATOR_CREDENTIAL and VALORA_RETRY_CONFIG (the shipped gRPC service config).
// Prints the invoices it got. The stubs are generated from proto/; see docs/reference/other-languages.md.
package main

import (
	"context"
	"crypto/rand"
	"log"
	"os"
	"time"

	meteringv1 "example.com/billing/generated/valora/metering/v1"
	pricingv1 "example.com/billing/generated/valora/pricing/v1"
	schedulerv1 "example.com/billing/generated/valora/scheduler/v1"
	subscriptionv1 "example.com/billing/generated/valora/subscription/v1"
	tenancyv1 "example.com/billing/generated/valora/tenancy/v1"
	typev1 "example.com/billing/generated/valora/type/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/timestamppb"
)

const start = "2026-01-31T08:00:00Z"

func main() {
	retryConfig, err := os.ReadFile(os.Getenv("VALORA_RETRY_CONFIG"))
	check(err)
	connection, err := grpc.NewClient(os.Getenv("VALORA_ADDRESS"),
		grpc.WithTransportCredentials(insecure.NewCredentials()), // Beyond a private network: credentials.NewTLS.
		grpc.WithDefaultServiceConfig(string(retryConfig)),       // Retries at UNAVAILABLE happen within a call and its deadline.
	)
	check(err)
	defer connection.Close()

	// A call without a deadline may wait for ever.
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	ctx = withCredential(ctx, createSandbox(withCredential(ctx, os.Getenv("VALORA_OPERATOR_CREDENTIAL")), connection))
	createCatalog(ctx, connection)
	subscribe(ctx, connection)
	advance(ctx, connection, "2026-02-28T07:30:00Z")
	recordUsage(ctx, connection)
	recordMuch(ctx, connection)
	advance(ctx, connection, "2026-03-31T08:00:00Z")
	showInvoices(ctx, connection)
	waitForFinalized(ctx, connection, 2)
	showRefusals(ctx, connection)
}

// at is an instant from RFC 3339 text. time.Time holds nanoseconds; Valora cuts them to microseconds.
func at(text string) *timestamppb.Timestamp {
	instant, err := time.Parse(time.RFC3339Nano, text)
	check(err)
	return timestamppb.New(instant)
}

// withCredential says who calls, in every call made with the context.
func withCredential(ctx context.Context, credential string) context.Context {
	outgoing := metadata.Pairs("authorization", "Bearer "+credential)
	return metadata.NewOutgoingContext(ctx, outgoing)
}

// createSandbox makes an organization with a clock of its own, so that two months pass in a second. The API key it answers is
// shown this once: keep it.
func createSandbox(ctx context.Context, connection grpc.ClientConnInterface) string {
	response, err := tenancyv1.NewOrganizationServiceClient(connection).CreateOrganization(ctx, &tenancyv1.CreateOrganizationRequest{
		RequestId: rand.Text(), DisplayName: "Go example", CurrencyCode: "USD", SandboxTime: at(start),
	})
	check(err)
	return response.GetApiKey()
}

// createCatalog prices a seat at 20.00, and gigabytes at 0.10 up to 100 and 0.05 beyond. Decimals travel as text; never make
// one from a float64.
func createCatalog(ctx context.Context, connection grpc.ClientConnInterface) {
	// Derive a request_id from what the request is about: then it is the same after a crash, and nothing happens twice.
	_, err := meteringv1.NewMeterServiceClient(connection).CreateMeter(ctx, &meteringv1.CreateMeterRequest{
		RequestId: "meter gigabytes",
		Meter:     &meteringv1.Meter{Code: "gigabytes", DisplayName: "Data", Aggregation: meteringv1.Aggregation_AGGREGATION_SUM},
	})
	check(err)
	flat := &pricingv1.PriceModel{Model: &pricingv1.PriceModel_Flat{Flat: &pricingv1.FlatModel{Amount: "20"}}}
	graduated := &pricingv1.PriceModel{Model: &pricingv1.PriceModel_Graduated{Graduated: &pricingv1.GraduatedModel{
		Tiers: []*pricingv1.Tier{{UpTo: "100", UnitAmount: "0.10"}, {UnitAmount: "0.05"}},
	}}}
	createPrice(ctx, connection, &pricingv1.Price{Code: "seat", DisplayName: "Seats"}, flat)
	createPrice(ctx, connection, &pricingv1.Price{Code: "data", DisplayName: "Data transfer", Meter: "gigabytes"}, graduated)
	_, err = pricingv1.NewCatalogServiceClient(connection).CreatePlan(ctx, &pricingv1.CreatePlanRequest{
		RequestId: "plan team",
		Plan: &pricingv1.Plan{
			Code: "team", DisplayName: "Team", Interval: typev1.PeriodInterval_PERIOD_INTERVAL_MONTH, Prices: []string{"seat", "data"},
		},
	})
	check(err)
}

func createPrice(ctx context.Context, connection grpc.ClientConnInterface, price *pricingv1.Price, model *pricingv1.PriceModel) {
	catalog := pricingv1.NewCatalogServiceClient(connection)
	price.CurrencyCode = "USD"
	price.BillingTiming = pricingv1.BillingTiming_BILLING_TIMING_IN_ARREARS
	_, err := catalog.CreatePrice(ctx, &pricingv1.CreatePriceRequest{RequestId: "price " + price.GetCode(), Price: price})
	check(err)
	_, err = catalog.PublishPriceVersion(ctx, &pricingv1.PublishPriceVersionRequest{
		RequestId: "version " + price.GetCode() + " 1", Price: price.GetCode(), EffectiveFromTime: at(start), Model: model, AllowBackDating: true,
	})
	check(err)
}

// subscribe starts three seats on 31 January. The reference is ours: an id of our own database.
func subscribe(ctx context.Context, connection grpc.ClientConnInterface) {
	_, err := subscriptionv1.NewCustomerServiceClient(connection).CreateCustomer(ctx, &subscriptionv1.CreateCustomerRequest{
		RequestId: "customer acme", Customer: &subscriptionv1.Customer{Reference: "acme", DisplayName: "Acme"},
	})
	check(err)
	_, err = subscriptionv1.NewSubscriptionServiceClient(connection).CreateSubscription(ctx, &subscriptionv1.CreateSubscriptionRequest{
		RequestId: "subscription acme-1",
		Subscription: &subscriptionv1.Subscription{
			Reference: "acme-1", Customer: "acme", Plan: "team", StartTime: at(start),
			Items: []*subscriptionv1.SubscriptionItem{{Item: "seat", Price: "seat", Quantity: "3"}},
		},
	})
	check(err)
}

func advance(ctx context.Context, connection grpc.ClientConnInterface, target string) {
	request := &schedulerv1.AdvanceClockRequest{TargetTime: at(target)}
	_, err := schedulerv1.NewSchedulerServiceClient(connection).AdvanceClock(ctx, request)
	check(err)
}

func check(err error) {
	if err != nil {
		log.Fatal(refusalOf(err), " ", err)
	}
}
