package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// A refusal is what a failed call says to a program. Beside the code and a message for people, Valora sends details in the
// trailer grpc-status-details-bin: an ErrorInfo always, a BadRequest for bad fields, a RetryInfo where waiting helps.
type refusal struct {
	code       codes.Code
	reason     string // Match on this. Empty where the error is gRPC's own, such as a connection that broke.
	fields     []string
	retryAfter time.Duration // Zero: the same call will fail again.
}

func refusalOf(err error) refusal {
	found := status.Convert(err)
	refused := refusal{code: found.Code()}
	// Details comes with each message already decoded, as errdetails is linked in.
	for _, detail := range found.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			refused.reason = detail.GetReason()
		case *errdetails.BadRequest:
			for _, violation := range detail.GetFieldViolations() {
				refused.fields = append(refused.fields, violation.GetField())
			}
		case *errdetails.RetryInfo:
			refused.retryAfter = detail.GetRetryDelay().AsDuration()
		}
	}
	return refused
}

// mayPass says whether sending again what has keys may help: Valora says when to come again, was out of time, or did not speak at all.
func (refused refusal) mayPass() bool {
	return refused.retryAfter > 0 || refused.reason == "" || refused.reason == "DEADLINE_EXCEEDED"
}

func (refused refusal) String() string {
	text := fmt.Sprintf("%s %s", code.Code(refused.code), refused.reason) // Its own String would say InvalidArgument.
	if len(refused.fields) > 0 {
		text += " fields " + strings.Join(slices.Sorted(slices.Values(refused.fields)), " ")
	}
	if refused.retryAfter > 0 {
		text += fmt.Sprintf(" retry after %d ms", refused.retryAfter.Milliseconds())
	}
	return text
}
