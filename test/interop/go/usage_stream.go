package main

import (
	"context"
	"io"
	"log"
	"math/rand/v2"
	"time"

	meteringv1 "example.com/billing/generated/valora/metering/v1"
	"google.golang.org/grpc"
)

const (
	underWayMax  = 4           // Batches. As many are kept in memory until they are acknowledged.
	fruitlessMax = 9           // Streams in a row without an acknowledgement: with the waits between them about half a minute.
	streamMax    = time.Minute // A stream that hangs ends at its deadline, and another takes over. Valora allows ten minutes.
	waitFirst    = 250 * time.Millisecond
	waitLast     = 5 * time.Second
)

// streamUsage records batches over one long call, until their channel is closed: they go out while acknowledgements come in. It
// tells the outcome of each event once it is durable, in the order sent: take none for recorded before. A stream that breaks is
// followed by another, on which goes again what was not acknowledged. Keys make that safe: what was stored comes back as DUPLICATE.
func streamUsage(ctx context.Context, usage meteringv1.UsageServiceClient, batches <-chan []*meteringv1.UsageEvent, tell func(*meteringv1.RecordUsageOutcome)) error {
	sender := &usageSender{usage: usage, batches: batches, tell: tell}
	for fruitless := 0; ; {
		acknowledged, err := sender.converse(ctx)
		if err == nil {
			return nil
		}
		if acknowledged || len(sender.pending) == 0 {
			fruitless = 0
		}
		fruitless++
		refused := refusalOf(err)
		if fruitless == fruitlessMax || !refused.mayPass() {
			return err
		}
		wait := max(refused.retryAfter, min(waitFirst<<(fruitless-1), waitLast))
		select {
		case <-time.After(wait + rand.N(wait/2)):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// A usageSender is what outlives a stream.
type usageSender struct {
	usage   meteringv1.UsageServiceClient
	batches <-chan []*meteringv1.UsageEvent
	tell    func(*meteringv1.RecordUsageOutcome)
	last    int64
	pending []*meteringv1.StreamUsageRequest // Not acknowledged, in order.
}

// converse is one stream. It returns nil once the batches are at their end and all acknowledged.
func (sender *usageSender) converse(ctx context.Context) (acknowledged bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, streamMax)
	defer cancel() // Ends receive, too.
	stream, err := sender.usage.StreamUsage(ctx)
	if err != nil {
		return false, err
	}
	answers := receive(stream)
	for _, request := range sender.pending {
		_ = stream.Send(request) // What goes wrong, Recv says.
	}
	atEnd := false
	for {
		batches := sender.batches
		if atEnd || len(sender.pending) == underWayMax {
			batches = nil // From a nil channel comes nothing.
		}
		select {
		case events, open := <-batches:
			if open {
				_ = stream.Send(sender.take(events))
			} else {
				atEnd = true
				_ = stream.CloseSend() // The server answers what is under way, and ends the stream too.
			}
		case answer := <-answers:
			if answer.err == io.EOF && len(sender.pending) == 0 {
				return acknowledged, nil
			}
			if answer.err != nil {
				return acknowledged, answer.err
			}
			sender.acknowledge(answer.response)
			acknowledged = true
		}
	}
}

func (sender *usageSender) take(events []*meteringv1.UsageEvent) *meteringv1.StreamUsageRequest {
	sender.last++
	request := &meteringv1.StreamUsageRequest{Sequence: sender.last, Events: events}
	sender.pending = append(sender.pending, request)
	return request
}

func (sender *usageSender) acknowledge(response *meteringv1.StreamUsageResponse) {
	if len(sender.pending) == 0 || sender.pending[0].GetSequence() != response.GetSequence() {
		log.Panicf("batch %d was acknowledged out of turn", response.GetSequence())
	}
	sender.pending = sender.pending[1:]
	for _, outcome := range response.GetOutcomes() {
		sender.tell(outcome)
	}
}

// An answer is an acknowledgement, or how the stream ended.
type answer struct {
	response *meteringv1.StreamUsageResponse
	err      error
}

// receive reads acknowledgements while others write. There is room for all that can come, so it never waits but for the network.
func receive(stream grpc.BidiStreamingClient[meteringv1.StreamUsageRequest, meteringv1.StreamUsageResponse]) <-chan answer {
	answers := make(chan answer, underWayMax+1)
	go func() {
		for {
			response, err := stream.Recv()
			answers <- answer{response, err}
			if err != nil {
				return
			}
		}
	}()
	return answers
}
