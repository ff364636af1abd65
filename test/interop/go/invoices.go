package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log"
	"math/big"
	"strings"
	"time"

	invoicingv1 "example.com/billing/generated/valora/invoicing/v1"
	meteringv1 "example.com/billing/generated/valora/metering/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// showInvoices goes through the pages, small ones to show how: the token of the last page is empty.
func showInvoices(ctx context.Context, connection grpc.ClientConnInterface) {
	invoices := invoicingv1.NewInvoiceServiceClient(connection)
	sumOfTotals := new(big.Rat)
	for pageToken := ""; ; {
		page, err := invoices.ListInvoices(ctx, &invoicingv1.ListInvoicesRequest{PageSize: 1, PageToken: pageToken, Subscription: "acme-1"})
		check(err)
		for _, invoice := range page.GetInvoices() {
			showInvoice(ctx, invoices, invoice)
			sumOfTotals.Add(sumOfTotals, decimal(invoice.GetTotal().GetAmount()))
		}
		if pageToken = page.GetNextPageToken(); pageToken == "" {
			break
		}
	}
	fmt.Println("sum of totals", sumOfTotals.FloatString(2)) // Exact: two decimals are all that USD has.
}

func showInvoice(ctx context.Context, invoices invoicingv1.InvoiceServiceClient, invoice *invoicingv1.Invoice) {
	fmt.Printf("invoice %d %s to %s\n", invoice.GetNumber(), text(invoice.GetPeriod().GetStartTime()), text(invoice.GetPeriod().GetEndTime()))
	sumOfLines := new(big.Rat)
	for _, line := range invoice.GetLines() {
		fmt.Printf("  %s: %s = %s %s\n", line.GetDescription(), line.GetQuantity(), line.GetAmount().GetAmount(), line.GetAmount().GetCurrencyCode())
		sumOfLines.Add(sumOfLines, decimal(line.GetAmount().GetAmount()))
	}
	if sumOfLines.Cmp(decimal(invoice.GetSubtotal().GetAmount())) != 0 {
		log.Fatal("the subtotal is not the sum of the lines")
	}
	canonical, err := invoices.GetCanonicalInvoice(ctx, &invoicingv1.GetCanonicalInvoiceRequest{InvoiceId: invoice.GetInvoiceId()})
	check(err)
	digest := sha256.Sum256(canonical.GetCanonicalInvoice())
	if hex.EncodeToString(digest[:]) != invoice.GetDigest() || canonical.GetDigest() != invoice.GetDigest() {
		log.Fatal("the digest is not that of the canonical form")
	}
	fmt.Printf("  total %s %s, SHA-256 %s\n", invoice.GetTotal().GetAmount(), invoice.GetTotal().GetCurrencyCode(), invoice.GetDigest())
}

// waitForFinalized is the feed for whoever collects the money: keep the last sequence you handled, and go on after it when the
// stream ends.
func waitForFinalized(ctx context.Context, connection grpc.ClientConnInterface, count int) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // Gives the stream back; it would end at the deadline otherwise.
	stream, err := invoicingv1.NewAuditServiceClient(connection).TailAuditLog(ctx, &invoicingv1.TailAuditLogRequest{AfterSequence: 0})
	check(err)
	invoices := invoicingv1.NewInvoiceServiceClient(connection)
	for count > 0 {
		response, err := stream.Recv()
		check(err)
		if !strings.HasSuffix(response.GetRecord().GetAction(), "/FinalizeDueInvoices") {
			continue
		}
		invoiceID := strings.TrimPrefix(response.GetRecord().GetSubject(), "invoice ")
		found, err := invoices.GetInvoice(ctx, &invoicingv1.GetInvoiceRequest{InvoiceId: invoiceID})
		check(err)
		total := found.GetInvoice().GetTotal()
		fmt.Printf("finalized: invoice %d, %s %s from %s\n", found.GetInvoice().GetNumber(), total.GetAmount(), total.GetCurrencyCode(), found.GetInvoice().GetCustomer())
		count--
	}
}

// showRefusals shows what a refused call says to programs: a reason, the fields, when to come again.
func showRefusals(ctx context.Context, connection grpc.ClientConnInterface) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	_, err := meteringv1.NewMeterServiceClient(connection).CreateMeter(ctx, &meteringv1.CreateMeterRequest{
		RequestId: "bad", Meter: &meteringv1.Meter{Code: "Not a code", DisplayName: "x"},
	})
	fmt.Println(refusalOf(err))
	// An organization may have 16 streams open; the one beyond is turned away, with advice when to try again.
	audit := invoicingv1.NewAuditServiceClient(connection)
	for range 17 {
		stream, err := audit.TailAuditLog(ctx, &invoicingv1.TailAuditLogRequest{})
		check(err)
		if _, err = stream.Recv(); err != nil {
			fmt.Println(refusalOf(err))
			break
		}
	}
}

// decimal is exact: big.Rat, not float64.
func decimal(text string) *big.Rat {
	value, ok := new(big.Rat).SetString(text)
	if !ok {
		log.Fatalf("%q is no decimal", text)
	}
	return value
}

func text(instant *timestamppb.Timestamp) string {
	return instant.AsTime().Format(time.RFC3339Nano)
}
