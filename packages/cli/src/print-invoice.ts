// An invoice as text for a person: the lines, and below each the derivation that leads to its amount.
import { textFromTimestamp, type Timestamp } from '@valora/client';
import type { Invoice } from '@valora/contracts/valora/invoicing/v1/invoice';
import { printTrace, type LineTrace } from '@valora/rating';

const NUMBER_WIDTH = 6;
const LABEL_WIDTH = 44;
const AMOUNT_WIDTH = 14;

/** With the derivation unless it isn't wanted. */
export function printInvoice(invoice: Invoice, { derivation = true } = {}): string[] {
  const { currencyCode = '', amount = '' } = invoice.total ?? {};
  const money = (label: string, value: string): string => `  ${label.padEnd(LABEL_WIDTH)} ${value.padStart(AMOUNT_WIDTH)} ${currencyCode}`;
  const number = invoice.number === 0n ? 'draft' : String(invoice.number).padStart(NUMBER_WIDTH, '0');
  return [
    `Invoice ${number} for customer ${invoice.customer}, subscription ${invoice.subscription}`,
    `Period  ${text(invoice.period?.startTime)} to ${text(invoice.period?.endTime)}, issued ${text(invoice.issueTime)}`,
    ...(derivation ? [] : ['']),
    ...invoice.lines.flatMap((line) => {
      const heading = money(line.description, line.amount?.amount ?? '');
      if (!derivation) return [heading];
      const [, ...rows] = printTrace({ description: line.description, trace: JSON.parse(line.traceJson) as LineTrace });
      return ['', heading, ...rows.map((row) => `    ${row}`)];
    }),
    '',
    ...invoice.credits.map((credit) => money(`Credit ${credit.creditNoteId}`, `-${credit.amount?.amount ?? ''}`)),
    money('Total', amount),
    `Digest  ${invoice.digest}`,
  ];
}

function text(time: Timestamp | undefined): string {
  return time === undefined ? '' : textFromTimestamp(time);
}
