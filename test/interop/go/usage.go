package main

import (
	"context"
	"fmt"
	"slices"

	meteringv1 "example.com/billing/generated/valora/metering/v1"
	typev1 "example.com/billing/generated/valora/type/v1"
	"google.golang.org/grpc"
)

func recordUsage(ctx context.Context, connection grpc.ClientConnInterface) {
	usage := meteringv1.NewUsageServiceClient(connection)
	events := []*meteringv1.UsageEvent{
		event("gb-1", "2026-02-01T00:00:00Z", "99.999999999999999999"),
		event("gb-2", "2026-02-14T12:34:56.789012Z", "25.05"),
		event("gb-3", "2026-02-28T07:59:59.999999Z", "25.25"), // the last microsecond of the first period
		event("gb-4", "2026-02-28T08:00:00Z", "10"),           // the first of the second
	}
	record(ctx, usage, events)
	// After a timeout or a crash, send the same again: what was stored comes back as DUPLICATE.
	record(ctx, usage, append(events, event("gb-4", "2026-02-28T08:00:00Z", "11"), event("gb-5", "2026-02-28T08:00:00Z", "1e3")))
}

func event(key, time, value string) *meteringv1.UsageEvent {
	return &meteringv1.UsageEvent{
		IdempotencyKey: key, Meter: "gigabytes", Customer: "acme", EventTime: at(time), Value: value, Properties: map[string]string{"region": "eu"},
	}
}

// record sends a batch. Each event has an outcome of its own, in request order: look at all of them, the call succeeds all the same.
func record(ctx context.Context, usage meteringv1.UsageServiceClient, events []*meteringv1.UsageEvent) {
	response, err := usage.RecordUsage(ctx, &meteringv1.RecordUsageRequest{Events: events})
	check(err)
	for _, outcome := range response.GetOutcomes() {
		tell(outcome)
	}
}

func tell(outcome *meteringv1.RecordUsageOutcome) {
	switch outcome.GetOutcome() {
	case meteringv1.UsageOutcome_USAGE_OUTCOME_RECORDED:
		fmt.Println(outcome.GetIdempotencyKey(), "recorded")
	case meteringv1.UsageOutcome_USAGE_OUTCOME_DUPLICATE:
		fmt.Println(outcome.GetIdempotencyKey(), "was recorded before")
	default: // REFUSED, or an outcome that only a later version knows: never take it for recorded.
		fmt.Printf("%s refused: %s %s: %s\n", outcome.GetIdempotencyKey(), outcome.GetReason(), outcome.GetField(), outcome.GetMessage())
	}
}

// recordMuch does the same over StreamUsage, batch by batch; the last event is a bad one. Then it asks what they come to.
func recordMuch(ctx context.Context, connection grpc.ClientConnInterface) {
	usage := meteringv1.NewUsageServiceClient(connection)
	batches := make(chan []*meteringv1.UsageEvent)
	go func() {
		defer close(batches)
		var events []*meteringv1.UsageEvent
		for n := range 17 {
			events = append(events, event(fmt.Sprintf("st-%d", n+1), "2026-02-28T08:15:00Z", fmt.Sprintf("%d.000000000000000001", n+1)))
		}
		events = append(events, event("st-18", "2026-02-28T08:15:00Z", "1e3"))
		for batch := range slices.Chunk(events, 2) { // Up to 5,000 in a batch; hundreds are good.
			batches <- batch
		}
	}()
	check(streamUsage(ctx, usage, batches, tell))
	response, err := usage.QueryUsage(ctx, &meteringv1.QueryUsageRequest{
		Meter: "gigabytes", Customer: "acme", Window: meteringv1.UsageWindow_USAGE_WINDOW_PERIOD,
		Period: &typev1.Period{StartTime: at("2026-02-28T08:00:00Z"), EndTime: at("2026-03-31T08:00:00Z")},
	})
	check(err)
	for _, window := range response.GetWindows() {
		fmt.Printf("second period so far: %s gigabytes in %d events\n", window.GetQuantity(), window.GetEventCount())
	}
}
