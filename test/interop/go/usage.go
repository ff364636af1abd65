package main

import (
	"context"
	"fmt"

	meteringv1 "example.com/billing/generated/valora/metering/v1"
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
		switch outcome.GetOutcome() {
		case meteringv1.UsageOutcome_USAGE_OUTCOME_RECORDED:
			fmt.Println(outcome.GetIdempotencyKey(), "recorded")
		case meteringv1.UsageOutcome_USAGE_OUTCOME_DUPLICATE:
			fmt.Println(outcome.GetIdempotencyKey(), "was recorded before")
		default: // REFUSED, or an outcome that only a later version knows: never take it for recorded.
			fmt.Println(outcome.GetIdempotencyKey(), "refused:", outcome.GetReason(), outcome.GetField())
		}
	}
}
