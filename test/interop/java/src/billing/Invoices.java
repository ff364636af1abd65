package billing;

import com.google.protobuf.util.Timestamps;
import io.grpc.Channel;
import io.grpc.Context;
import java.math.BigDecimal;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Iterator;
import valora.audit.v1.AuditRecord;
import valora.invoicing.v1.AuditServiceGrpc;
import valora.invoicing.v1.GetCanonicalInvoiceRequest;
import valora.invoicing.v1.GetCanonicalInvoiceResponse;
import valora.invoicing.v1.GetInvoiceRequest;
import valora.invoicing.v1.Invoice;
import valora.invoicing.v1.InvoiceLine;
import valora.invoicing.v1.InvoiceServiceGrpc;
import valora.invoicing.v1.ListInvoicesRequest;
import valora.invoicing.v1.ListInvoicesResponse;
import valora.invoicing.v1.TailAuditLogRequest;
import valora.invoicing.v1.TailAuditLogResponse;
import valora.type.v1.Money;

/** Reading invoices, and hearing of them. */
final class Invoices {
  private Invoices() {}

  static void show(Channel channel) {
    InvoiceServiceGrpc.InvoiceServiceBlockingStub invoices = InvoiceServiceGrpc.newBlockingStub(channel);
    BigDecimal sumOfTotals = BigDecimal.ZERO;
    String pageToken = "";
    do { // Small pages, to show how: the token of the last page is empty.
      ListInvoicesResponse page = invoices.listInvoices(ListInvoicesRequest.newBuilder().setPageSize(1).setPageToken(pageToken).setSubscription("acme-1").build());
      for (Invoice invoice : page.getInvoicesList()) {
        show(invoices, invoice);
        sumOfTotals = sumOfTotals.add(new BigDecimal(invoice.getTotal().getAmount()));
      }
      pageToken = page.getNextPageToken();
    } while (!pageToken.isEmpty());
    System.out.println("sum of totals " + sumOfTotals);
  }

  private static void show(InvoiceServiceGrpc.InvoiceServiceBlockingStub invoices, Invoice invoice) {
    System.out.println("invoice " + invoice.getNumber() + " " + Timestamps.toString(invoice.getPeriod().getStartTime()) + " to " + Timestamps.toString(invoice.getPeriod().getEndTime()));
    BigDecimal sumOfLines = BigDecimal.ZERO;
    for (InvoiceLine line : invoice.getLinesList()) {
      System.out.println("  " + line.getDescription() + ": " + line.getQuantity() + " = " + text(line.getAmount()));
      sumOfLines = sumOfLines.add(new BigDecimal(line.getAmount().getAmount()));
    }
    // compareTo, since equals tells 72.5 from 72.50.
    if (sumOfLines.compareTo(new BigDecimal(invoice.getSubtotal().getAmount())) != 0) throw new IllegalStateException("the subtotal is not the sum of the lines");
    GetCanonicalInvoiceResponse canonical = invoices.getCanonicalInvoice(GetCanonicalInvoiceRequest.newBuilder().setInvoiceId(invoice.getInvoiceId()).build());
    String digest = sha256(canonical.getCanonicalInvoice().toByteArray());
    if (!digest.equals(invoice.getDigest()) || !digest.equals(canonical.getDigest())) throw new IllegalStateException("the digest is not that of the canonical form");
    System.out.println("  total " + text(invoice.getTotal()) + ", SHA-256 " + invoice.getDigest());
  }

  /** The feed for whoever collects the money: keep the last sequence you handled, and go on after it when the stream ends. */
  static void waitForFinalized(Channel channel, int count) {
    InvoiceServiceGrpc.InvoiceServiceBlockingStub invoices = InvoiceServiceGrpc.newBlockingStub(channel);
    // Leaving the context gives the stream back; it would end at the deadline otherwise.
    try (Context.CancellableContext context = Context.current().withCancellation()) {
      context.run(() -> {
        Iterator<TailAuditLogResponse> stream = AuditServiceGrpc.newBlockingStub(channel).tailAuditLog(TailAuditLogRequest.newBuilder().setAfterSequence(0).build());
        for (int found = 0; found < count; ) {
          AuditRecord record = stream.next().getRecord();
          if (!record.getAction().endsWith("/FinalizeDueInvoices")) continue;
          String invoiceId = record.getSubject().substring("invoice ".length());
          Invoice invoice = invoices.getInvoice(GetInvoiceRequest.newBuilder().setInvoiceId(invoiceId).build()).getInvoice();
          System.out.println("finalized: invoice " + invoice.getNumber() + ", " + text(invoice.getTotal()) + " from " + invoice.getCustomer());
          found++;
        }
      });
    }
  }

  private static String text(Money money) {
    return money.getAmount() + " " + money.getCurrencyCode();
  }

  private static String sha256(byte[] bytes) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    } catch (NoSuchAlgorithmException impossible) {
      throw new AssertionError(impossible);
    }
  }
}
